"""Ordinary differential equations: one adaptive Runge-Kutta method, in one compiled loop."""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from kgen import backend
from kgen.backend import Tensor

Field = Callable[..., Any]

_SMALLEST = 1e-7  # of the times: a float32 that is moved by less stays where it is

# Dormand and Prince's table 2 (RK5(4)7M): the times, the stages, and the fifth order less the fourth.
# The last stage is the new state's derivative, with which the next step begins.
_TIMES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


class Solution(NamedTuple):
    """What `integrate` gives.

    state: at t1; where it gave up, the last one that it accepted.
    evaluations: calls of the field, an int32 scalar.
    success: a bool scalar, whether t1 was reached.
    """

    state: Any
    evaluations: Tensor
    success: Tensor


def integrate(
    field: Field,
    state: Any,
    t0: float | Tensor,
    t1: float | Tensor,
    rtol: float = 1e-5,
    atol: float = 1e-5,
    max_steps: int = 1000,
    constants: tuple[Tensor, ...] = (),
) -> Solution:
    """Solves dx/dt = field(t, x, *constants) from t0 to t1 by Dormand and Prince's 5(4) method.

    The examples of a batch share their steps. The error of a step is measured example by example, as
    the root mean square of error / (atol + rtol |x|), and the worst example decides: a batch cannot
    hide it. A step whose error is not finite is tried again at a fifth of its length. It gives up
    where a step would be too short to move the time, as it is from a state that is not finite.

    Args:
        field: takes t, a float32 scalar, a state, and the constants; gives the derivative, of the
            same structure. As in `backend.while_loop`, it uses no other tensors but variables.
        state: nested float tensors `(batch, ...)`, at t0.
        t0, t1: scalars; t1 < t0 goes backwards.
        rtol, atol: the error that a step may have; float32 cannot do with less than about 1e-6.
        max_steps: steps tried before it gives up.
        constants: tensors that the field needs.

    Raises ValueError for tolerances that are not positive, and for max_steps < 1.

    Source: "A Family of Embedded Runge-Kutta Formulae" (Dormand and Prince, 1980), table 2; the step
    size as in "Solving Ordinary Differential Equations I" (Hairer et al., 1993), section II.4.

    >>> solution = integrate(lambda t, x: -x, ops.ones((1, 1)), 0.0, 1.0)
    >>> round(float(solution.state[0, 0]), 4)  # 1 / e
    0.3679
    """
    if rtol <= 0.0 or atol <= 0.0 or max_steps < 1:
        raise ValueError(f"expected rtol, atol > 0 and max_steps >= 1, got {rtol}, {atol}, {max_steps}")
    t0, t1 = (ops.convert_to_tensor(t, dtype="float32") for t in (t0, t1))
    flat = [ops.convert_to_tensor(x) for x in keras.tree.flatten(state)]

    def flat_field(constants: tuple[Tensor, ...], t: Tensor, x: list[Tensor]) -> list[Tensor]:
        return keras.tree.flatten(field(t, keras.tree.pack_sequence_as(state, x), *constants))

    def unfinished(steps: Tensor, t: Tensor, size: Tensor, *_: Any) -> Tensor:
        moves = size > _SMALLEST * ops.maximum(ops.abs(t), ops.abs(t1))
        return (steps < max_steps) & (t != t1) & moves

    def advance(*arguments: Any) -> tuple:
        run, (t1, *constants) = arguments[:5], arguments[5:]
        return _advance(functools.partial(flat_field, constants), *run, t1, rtol, atol)

    slopes = flat_field(constants, t0, flat)
    size = _first_size(flat, slopes, t1 - t0, rtol, atol)
    start = (ops.convert_to_tensor(0, dtype="int32"), t0, size, flat, slopes)
    steps, t, _, flat, _ = backend.while_loop(unfinished, advance, start, t1, *constants)
    return Solution(keras.tree.pack_sequence_as(state, flat), 1 + len(_STAGES) * steps, t == t1)


def _advance(
    field: Field,
    steps: Tensor,
    t: Tensor,
    size: Tensor,
    x: list[Tensor],
    slopes: list[Tensor],
    t1: Tensor,
    rtol: float,
    atol: float,
) -> tuple[Tensor, Tensor, Tensor, list[Tensor], list[Tensor]]:
    """Tries one step of at most `size`, which is positive in either direction."""
    left = t1 - t
    last = size >= ops.abs(left)
    h = ops.where(last, left, ops.sign(left) * size)
    new, new_slopes, error = _stages(field, t, h, x, slopes)
    norm = _norm(error, x, new, rtol, atol)
    accepted = norm <= 1.0  # false for NaN
    factor = ops.clip(0.9 * ops.maximum(norm, 1e-10) ** -0.2, 0.2, 10.0)
    size = ops.abs(h) * ops.where(ops.isfinite(norm), factor, 0.2)
    t = ops.where(accepted, ops.where(last, t1, t + h), t)
    x = [ops.where(accepted, n, o) for n, o in zip(new, x, strict=True)]
    slopes = [ops.where(accepted, n, o) for n, o in zip(new_slopes, slopes, strict=True)]
    return steps + 1, t, size, x, slopes


def _stages(
    field: Field, t: Tensor, h: Tensor, x: list[Tensor], slopes: list[Tensor]
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """The new state, its slopes, and the error estimate."""
    stages, new = [slopes], x
    for time, weights in zip(_TIMES, _STAGES, strict=True):
        new = [y + h * part for y, part in zip(x, _weighted(weights, stages), strict=True)]
        stages.append(field(t + time * h, new))
    return new, stages[-1], [h * part for part in _weighted(_ERROR, stages)]


def _weighted(weights: tuple[float, ...], stages: list[list[Tensor]]) -> list[Tensor]:
    """The weighted sum of the stages, for each part of the state."""
    parts = zip(*stages, strict=True)
    return [sum(w * k for w, k in zip(weights, part, strict=True) if w) for part in parts]


def _norm(
    error: list[Tensor], old: list[Tensor], new: list[Tensor], rtol: float, atol: float
) -> Tensor:
    """The largest over examples of the root mean square of error / (atol + rtol |x|)."""
    total, count = 0.0, 0
    for e, o, n in zip(error, old, new, strict=True):
        scaled = e / (atol + rtol * ops.maximum(ops.abs(o), ops.abs(n)))
        rows = ops.reshape(scaled, (ops.shape(scaled)[0], -1))
        total = total + ops.sum(ops.square(rows), axis=-1)
        count += math.prod(o.shape[1:])  # known, also where the batch is not
    return ops.sqrt(ops.max(total) / count)


def _first_size(
    x: list[Tensor], slopes: list[Tensor], interval: Tensor, rtol: float, atol: float
) -> Tensor:
    """A hundredth of the time in which x would change by itself; the steps then grow fast."""
    zeros = [ops.zeros_like(y) for y in x]
    change = _norm(slopes, x, zeros, rtol, atol)
    itself = ops.maximum(_norm(x, x, zeros, rtol, atol), 1.0)
    size = 0.01 * itself / ops.maximum(change, 1e-10)
    return ops.minimum(ops.where(ops.isfinite(size), size, 1.0), ops.abs(interval))
