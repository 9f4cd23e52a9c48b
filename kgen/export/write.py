"""`export`: what to write, where, and in which process."""

import importlib.util
import os
from typing import Literal, get_args

import keras

from kgen import backend
from kgen.export.process import write_in_tensorflow
from kgen.export.target import new_directory

Format = Literal["tf_saved_model", "onnx"]

_NEEDS: dict[str, tuple[str, ...]] = {
    "tf_saved_model": ("tensorflow",),
    "onnx": ("tensorflow", "tf2onnx", "onnx"),
}


def export(
    model: keras.Model,
    filepath: str | os.PathLike[str],
    format: Format = "tf_saved_model",
    overwrite: bool = False,
    jit_compile: bool = True,
) -> None:
    """Writes the endpoints of a model for programs that have neither kgen nor Keras.

    The endpoints are those that `model.endpoints` lists: `generate(seed)`, and what the family has
    besides (a VAE: `encode`, `decode`, `reconstruct`). The batch size is free. A seed is int32
    `(batch, 2)`, one key for each sample, and is an input: the same keys give the same samples.
    `kgen.random.keys(7, n)` are the keys of `model.sample(n, seed=7)`; a program without kgen makes
    keys of its own, any two words for each sample, no two rows alike.

    - "tf_saved_model": a directory for `tf.saved_model.load`, where each endpoint is a method, and
      for TensorFlow Serving, where each is a signature with named inputs, and outputs `output_0`,
      `output_1`, ...; `serving_default` is `generate`. It holds no weights but those used.
    - "onnx": a directory with one file for each endpoint, `generate.onnx` and so on, opset 18.

    On TensorFlow, and on JAX for a SavedModel with XLA, this process writes the files. Otherwise
    the model is saved and a second process loads it under TensorFlow, which takes about five
    seconds. That process must be able to import the model's own classes.

    Args:
        model: a `GenerativeModel` of any backend.
        filepath: the directory to make; its parents are made too.
        format: "tf_saved_model" or "onnx".
        overwrite: whether an earlier export at `filepath` may be replaced.
        jit_compile: SavedModel only. True: the endpoints run through XLA, which is faster after the
            first call with each batch size. False: plain TensorFlow operations, for servers that
            were built without XLA.

    Raises:
        ImportError: TensorFlow, or tf2onnx for ONNX, is missing.
        FileExistsError: there is something at `filepath`.
        ValueError: unknown format, or an endpoint that ONNX cannot express (bfloat16, for one).
        TypeError: a second process is needed, and could not import the model's class.
        RuntimeError: the TensorFlow process failed.

    >>> import kgen
    >>> model = kgen.GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1))
    >>> export(model, "ring", overwrite=True)  # doctest: +SKIP

    Then, in a program that has TensorFlow alone (keep `served`: its methods need it):

        served = tf.saved_model.load("ring")
        samples = served.generate([[7, 0], [7, 1]])
    """
    if format not in get_args(Format):
        raise ValueError(f"unknown export format {format!r}: expected one of {get_args(Format)}")
    if not model.endpoints:
        raise ValueError(
            f"{type(model).__name__} lists no endpoints: say in `endpoints` what to export"
        )
    _require(*_NEEDS[format])
    with new_directory(filepath, overwrite) as directory:
        backend.synchronize(model)
        if not backend.write_export(model, directory, format, jit_compile):
            write_in_tensorflow(model, directory, format, jit_compile)


def _require(*modules: str) -> None:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f'exporting needs {" and ".join(missing)}: pip install "kgen[export]"', name=missing[0]
        )
