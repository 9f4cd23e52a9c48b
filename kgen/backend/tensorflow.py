"""The engine's TensorFlow side: gradient tapes, and `tf.function` with or without XLA."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from kgen.backend.scope import Function, Tensor, values_of

COMPILES_LOOPS = True


def value_and_grad(
    fn: Function, variables: Sequence[keras.Variable]
) -> tuple[tuple[Tensor, Any], list[Tensor]]:
    """See `kgen.backend.value_and_grad`."""
    values = values_of(variables)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for value in values:
            tape.watch(value)
        result, auxiliary = fn()
    return (result, auxiliary), tape.gradient(result, values)


def gradient(fn: Function, x: Tensor) -> Tensor:
    """See `kgen.backend.gradient`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        value = fn(x)
    return tape.gradient(value, x, unconnected_gradients="zero")


def jvp(fn: Function, x: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor]:
    """See `kgen.backend.jvp`."""
    with tf.autodiff.ForwardAccumulator(x, tangent) as accumulator:
        value = fn(x)
    return value, accumulator.jvp(value, unconnected_gradients="zero")


def vjp(fn: Function, x: Tensor, cotangent: Tensor) -> tuple[Tensor, Tensor]:
    """See `kgen.backend.vjp`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        value = fn(x)
    return value, tape.gradient(value, x, output_gradients=cotangent, unconnected_gradients="zero")


def apply_gradients(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[Tensor],
    variables: Sequence[keras.Variable],
) -> None:
    """See `kgen.backend.apply_gradients`."""
    optimizer.apply(gradients, variables)


def compile_program(fn: Function, variables: Sequence[keras.Variable], jit: bool) -> Function:
    """See `kgen.backend.compile_program`."""
    return tf.function(fn, jit_compile=jit, autograph=False, reduce_retracing=True)


def step_function(model: keras.Model, step: Callable, training: bool) -> Function | None:
    """See `kgen.backend.step_function`: Keras' own `tf.function` compiles the stateful body."""
    return None


def rotate_left(x: Tensor, distance: int) -> Tensor:
    """See `kgen.backend.rotate_left`."""
    # int32 shifts right with its sign: mask the copies of the sign bit away.
    low = tf.bitwise.right_shift(x, 32 - distance) & ((1 << distance) - 1)
    return tf.bitwise.left_shift(x, distance) | low


def synchronize(model: keras.Model) -> None:
    """See `kgen.backend.synchronize`: variables are always current here."""


@contextlib.contextmanager
def keep_weights(model: keras.Model) -> Iterator[None]:
    """See `kgen.backend.keep_weights`: variables keep their values here."""
    yield
