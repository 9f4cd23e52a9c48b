"""A record's model as a SavedModel and as ONNX files, written and served by TensorFlow's worker."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from families import Family

ROWS = {"tf_saved_model": (5,), "onnx": (1, 5)}  # XLA compiles a SavedModel for each number of them


def export(family: Family, file: Path) -> dict[str, np.ndarray]:
    """What each endpoint gives in each format, for one row and for five, by other programs."""
    from record import endpoint_inputs

    # as `kgen.export` does with a model of another backend
    model = keras.saving.load_model(file, compile=False, safe_mode=False)
    calls = endpoint_inputs(model, family)
    found = {}
    for form in ROWS if family.onnx else ["tf_saved_model"]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / form
            model.export(path, format=form)
            for name, inputs in calls.items():
                served = SERVE[form](path, name)
                for n in ROWS[form]:
                    outputs = served({key: value[:n] for key, value in inputs.items()})
                    found |= {f"{form}/{n}/{name}/{i}": v for i, v in enumerate(outputs)}
    return found


def saved_model(path: Path, endpoint: str):
    """The signature of an endpoint."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))

    def served(inputs):
        signature = loaded.signatures[endpoint]
        outputs = signature(**{name: tf.constant(value) for name, value in inputs.items()})
        return [outputs[f"output_{i}"].numpy() for i in range(len(outputs))]

    return served


def onnx(path: Path, endpoint: str):
    """The file of an endpoint."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        path / f"{endpoint}.onnx", options, providers=["CPUExecutionProvider"]
    )
    names = {value.name for value in session.get_inputs()}

    def served(inputs):
        assert names == set(inputs)
        return session.run(None, inputs)

    return served


SERVE = {"tf_saved_model": saved_model, "onnx": onnx}
