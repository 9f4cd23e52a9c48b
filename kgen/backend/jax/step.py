"""The engine's JAX side: derivatives of stateful functions, and compiled programs."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import keras
from jax.extend.random import threefry2x32_p

from kgen.backend.jax.together import Together
from kgen.backend.scope import ChildScope, Function, Tensor, values_of


def value_and_grad(
    fn: Function, variables: Sequence[keras.Variable]
) -> tuple[tuple[Tensor, Any], list[Tensor]]:
    """See `kgen.backend.value_and_grad`."""
    changed: list[keras.Variable] = []

    def pure(values: list[Tensor]) -> tuple[Tensor, Any]:
        with ChildScope(zip(variables, values, strict=True)) as scope:
            value, auxiliary = fn()
        changed[:] = scope.changed
        return value, (auxiliary, scope.new_values)

    value_and_rest, gradients = jax.value_and_grad(pure, has_aux=True)(values_of(variables))
    value, (auxiliary, new_values) = value_and_rest
    for variable, new in zip(changed, new_values, strict=True):
        variable.assign(new)
    return (value, auxiliary), gradients


def gradient(fn: Function, x: Tensor) -> Tensor:
    """See `kgen.backend.gradient`."""
    changed: list[keras.Variable] = []

    def pure(x: Tensor) -> tuple[Tensor, Any]:
        with ChildScope() as scope:
            value = fn(x)
        changed[:] = scope.changed
        return value, scope.new_values

    result, new_values = jax.grad(pure, has_aux=True)(x)
    for variable, new in zip(changed, new_values, strict=True):
        variable.assign(new)
    return result


def jvp(fn: Function, x: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor]:
    """See `kgen.backend.jvp`."""
    return jax.jvp(fn, (x,), (tangent,))


def vjp(fn: Function, x: Tensor, cotangent: Tensor) -> tuple[Tensor, Tensor]:
    """See `kgen.backend.vjp`."""
    value, pullback = jax.vjp(fn, x)
    return value, pullback(cotangent)[0]


def apply_gradients(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[Tensor],
    variables: Sequence[keras.Variable],
) -> None:
    """See `kgen.backend.apply_gradients`."""
    # Not `optimizer.apply`: a LossScaleOptimizer assigns inside `ops.cond`, which leaks tracers.
    new_values, new_slots = optimizer.stateless_apply(
        values_of(optimizer.variables), list(gradients), values_of(variables)
    )
    for variable, new in zip(
        [*variables, *optimizer.variables], [*new_values, *new_slots], strict=True
    ):
        variable.assign(new)


def compile_program(fn: Function, variables: Sequence[keras.Variable], jit: bool) -> Function:
    """See `kgen.backend.compile_program`."""

    def stateless(values: list[Tensor], *arguments: Tensor) -> Any:
        with keras.StatelessScope(zip(variables, values, strict=True)):
            return fn(*arguments)

    compiled = jax.jit(stateless) if jit else stateless
    return lambda *arguments: compiled(values_of(variables), *arguments)


def together(models: Sequence[keras.Model]) -> Together:
    """See `kgen.backend.together`."""
    return Together(models)


def concrete() -> contextlib.AbstractContextManager[Any]:
    """See `kgen.backend.concrete`."""
    return jax.ensure_compile_time_eval()


def threefry(k0: Tensor, k1: Tensor, x0: Tensor, x1: Tensor) -> tuple[Tensor, Tensor]:
    """See `kgen.backend.threefry`: JAX's own compiles in half the time of the rounds written out."""
    words = [jax.numpy.asarray(word) for word in (k0, k1, x0, x1)]
    words = jax.numpy.broadcast_arrays(*words)
    words = [jax.lax.bitcast_convert_type(word, "uint32") for word in words]
    return tuple(jax.lax.bitcast_convert_type(word, "int32") for word in threefry2x32_p.bind(*words))


def synchronize(model: keras.Model) -> None:
    """See `kgen.backend.synchronize`: during `fit` the weights live in the trainer's state."""
    model.jax_state_sync()


@contextlib.contextmanager
def keep_weights(model: keras.Model) -> Iterator[None]:
    """See `kgen.backend.keep_weights`.

    `fit`, `evaluate` and `predict` take the values out of the variables before the first step. Where
    that step cannot be traced they would be lost; the arrays are still whole, because donation
    happens at execution.
    """
    before = [(variable, variable.value) for variable in model.variables]
    try:
        yield
    except BaseException:
        for variable, value in before:
            if variable._value is None and not value.is_deleted():
                variable.assign(value)
        raise


def write_export(model: keras.Model, directory: Path, format: str, jit_compile: bool) -> bool:
    """See `kgen.backend.write_export`: only this loads TensorFlow."""
    if format != "tf_saved_model" or not jit_compile:
        return False
    from kgen.backend.jax.export import write_saved_model

    write_saved_model(model, directory)
    return True
