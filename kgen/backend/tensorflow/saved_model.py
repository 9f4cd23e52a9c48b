"""TensorFlow functions in a SavedModel, whichever backend they came from."""

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path

import keras
import tensorflow as tf

from kgen.backend.scope import Function

_DEFAULT = "generate"


def tf_function(
    fn: Function, inputs: Mapping[str, keras.InputSpec], jit_compile: bool
) -> tf.types.experimental.PolymorphicFunction:
    """Makes a `tf.function` of a function of tensors.

    Args:
        fn: takes TensorFlow tensors, in the order of `inputs`.
        inputs: name to shape and type; an axis of size None is free.
        jit_compile: whether XLA compiles it, once for each batch size.
    """

    def call(*tensors: tf.Tensor) -> object:
        return fn(*tensors)

    # The names by which the loaded function and its signature take their inputs.
    call.__signature__ = inspect.Signature(
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in inputs]
    )
    specs = [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in inputs.items()]
    return tf.function(call, input_signature=specs, jit_compile=jit_compile, autograph=False)


def save(
    functions: Mapping[str, tf.types.experimental.PolymorphicFunction],
    variables: Iterable[tf.Variable],
    directory: Path,
) -> None:
    """Writes functions as methods and as signatures; `generate` is the default signature."""
    module = tf.Module()
    module.weights = list(variables)
    signatures = {}
    for name, function in functions.items():
        setattr(module, name, function)
        signatures[name] = function.get_concrete_function()
    if _DEFAULT in signatures:
        signatures["serving_default"] = signatures[_DEFAULT]
    tf.saved_model.save(module, str(directory), signatures=signatures)
