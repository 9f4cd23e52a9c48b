"""The endpoints of a TensorFlow model as a SavedModel, and as ONNX."""

from pathlib import Path
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from kgen.backend.scope import Function, Tensor
from kgen.backend.tensorflow.onnx_operations import register
from kgen.backend.tensorflow.saved_model import save, tf_function

if TYPE_CHECKING:
    import onnx

_OPSET = 18  # the first with bitwise operations, of which the random numbers are made


def write_export(model: keras.Model, directory: Path, format: str, jit_compile: bool) -> bool:
    """See `kgen.backend.write_export`."""
    if format == "onnx":
        write_onnx(model, directory)
    else:
        write_saved_model(model, directory, jit_compile)
    return True


def write_saved_model(model: keras.Model, directory: Path, jit_compile: bool) -> None:
    """Writes every endpoint of the model, and the variables that they read."""
    functions = {
        name: tf_function(getattr(model, name), inputs, jit_compile)
        for name, inputs in model.endpoints.items()
    }
    used = [v for f in functions.values() for v in f.get_concrete_function().variables]
    save(functions, {id(variable): variable for variable in used}.values(), directory)


def write_onnx(model: keras.Model, directory: Path) -> None:
    """Writes one file for each endpoint; its outputs are `output_0`, `output_1`, ...

    Raises ValueError for an endpoint with an operation or a type that tf2onnx does not know.
    """
    import onnx
    import tf2onnx

    register()
    for name, inputs in model.endpoints.items():
        function = tf_function(_named_outputs(getattr(model, name)), inputs, jit_compile=False)
        proto, _ = tf2onnx.convert.from_function(
            function,
            input_signature=function.input_signature,
            opset=_OPSET,
        )
        for value in (*proto.graph.input, *proto.graph.output):
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
        _check(name, proto)
        onnx.save(proto, directory / f"{name}.onnx")


def _check(name: str, proto: "onnx.ModelProto") -> None:
    """Raises ValueError where tf2onnx left something unconverted, which it does not tell."""
    import onnx

    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ValueError(
            f"endpoint {name!r} cannot be written as ONNX (bfloat16 is one thing that cannot; "
            f"a SavedModel can hold it): {error}"
        ) from error


def _named_outputs(fn: Function) -> Function:
    def call(*tensors: tf.Tensor) -> dict[str, Tensor]:
        outputs = keras.tree.flatten(fn(*tensors))
        return {f"output_{index}": output for index, output in enumerate(outputs)}

    return call
