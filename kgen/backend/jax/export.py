"""The endpoints of a JAX model as a SavedModel: StableHLO inside TensorFlow functions."""

from collections.abc import Mapping
from pathlib import Path

import jax
import keras
import numpy as np
import tensorflow as tf
from jax.experimental import jax2tf

from kgen.backend.scope import ChildScope, Function, Tensor
from kgen.backend.tensorflow.saved_model import save, tf_function

_PLATFORMS = ("cpu", "cuda", "tpu")  # it is compiled where it is served

Inputs = Mapping[str, keras.InputSpec]


def write_saved_model(model: keras.Model, directory: Path) -> None:
    """Writes every endpoint of the model, and the variables that they read."""
    # The weights go into the file; a GPU is JAX's in this process, not TensorFlow's.
    with tf.device("CPU:0"):
        variables: dict[int, tf.Variable] = {}
        functions = {
            name: _convert(getattr(model, name), inputs, variables)
            for name, inputs in model.endpoints.items()
        }
        save(functions, variables.values(), directory)


def _convert(fn: Function, inputs: Inputs, variables: dict[int, tf.Variable]) -> Function:
    """Makes a `tf.function` of an endpoint; adds the variables that it reads to `variables`."""
    used = _variables_read(fn, inputs)
    for v in used:
        if id(v) not in variables:
            variables[id(v)] = tf.Variable(np.asarray(v.value), trainable=False, name=v.name)

    def stateless(values: list[Tensor], *arguments: Tensor) -> Tensor:
        with keras.StatelessScope(list(zip(used, values, strict=True))):
            return fn(*arguments)

    converted = jax2tf.convert(
        stateless,
        polymorphic_shapes=[None, *(_symbolic(name, spec) for name, spec in inputs.items())],
        native_serialization_platforms=_PLATFORMS,
        with_gradient=False,
    )
    weights = [variables[id(v)] for v in used]
    return tf_function(lambda *arguments: converted(weights, *arguments), inputs, jit_compile=True)


class _Reads(ChildScope):
    """Takes down which variables are read."""

    def __init__(self) -> None:
        super().__init__()
        self.variables: dict[int, keras.Variable] = {}

    def get_current_value(self, variable: keras.Variable) -> Tensor | None:
        self.variables[id(variable)] = variable
        return super().get_current_value(variable)


def _variables_read(fn: Function, inputs: Inputs) -> list[keras.Variable]:
    """The variables that an endpoint depends on: a GAN's samples need no discriminator."""
    examples = [
        jax.ShapeDtypeStruct([size or 2 for size in spec.shape], spec.dtype) for spec in inputs.values()
    ]
    with _Reads() as scope:
        jax.eval_shape(fn, *examples)
    return list(scope.variables.values())


def _symbolic(name: str, spec: keras.InputSpec) -> str:
    """A shape such as "(batch, 28, 28, 1)": all inputs share one batch size, whatever it is."""
    rest = [
        f"{name}_{axis}" if size is None else str(size)
        for axis, size in enumerate(spec.shape[1:], start=1)
    ]
    return f"({', '.join(['batch', *rest])},)"
