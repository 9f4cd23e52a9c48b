"""From keys to samples: one position after the other, as one compiled loop."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

import kgen.random
from kgen import backend
from kgen.autoregressive.choice import Choice
from kgen.autoregressive.likelihoods import Likelihood
from kgen.backend import Tensor
from kgen.networks.stepping import Stepper


class Plan(NamedTuple):
    """What a sampler needs besides tensors.

    Args:
        network: of x (and labels).
        likelihood: of its outputs.
        feed: maps values `(batch, n, channels)` to the network's x, for whatever n, given the sizes
            of the axes of positions.
        choice: how values are chosen.
    """

    network: keras.Model
    likelihood: Likelihood
    feed: Callable[[Tensor, Sequence[int]], Tensor]
    choice: Choice


def draw(
    plan: Plan,
    grid: Sequence[int],
    x: Tensor,
    given: Tensor,
    keys: Tensor,
    labels: Sequence[Tensor],
    cached: bool,
) -> Tensor:
    """Draws the positions that are not given, in order.

    Args:
        plan: with what.
        grid: sizes of the axes of positions.
        x: values `(batch, n, channels)`, of which the first are kept.
        given: how many of them, int32 `(batch,)`.
        keys: int32 `(batch, 2)`.
        labels: none, or int32 `(batch,)`.
        cached: whether layers remember what they need of earlier positions; else the whole network
            runs for every position, which gives the same.

    Returns:
        Values like x.
    """
    stepper = Stepper(plan.network) if cached else None
    memories = stepper.start(ops.shape(keys)[0]) if cached else {}
    state = (ops.zeros_like(x), ops.zeros_like(x[:, :1]), memories)
    constants = (x, given, keys, *labels)
    if cached and stepper.has_rows:
        return _by_rows(plan, stepper, grid, state, constants)

    def step(index: Tensor, state: tuple, *constants: Tensor) -> tuple:
        return _position(plan, stepper, grid, index, state, *constants)

    return backend.fori_loop(x.shape[1], step, state, *constants)[0]


def _by_rows(
    plan: Plan, stepper: Stepper, grid: Sequence[int], state: tuple, constants: tuple[Tensor, ...]
) -> Tensor:
    """A loop over rows around a loop over the pixels of a row."""
    height, width = grid

    def pixel(column: Tensor, state: tuple, row: Tensor, *constants: Tensor) -> tuple:
        return _position(plan, stepper, grid, row * width + column, state, *constants)

    def one_row(row: Tensor, state: tuple, *constants: Tensor) -> tuple:
        drawn, before, memories = state
        labels = constants[3:]
        rows = ops.reshape(drawn, (-1, height, width, drawn.shape[-1]))
        above = ops.expand_dims(ops.take(rows, ops.maximum(row - 1, 0), axis=1), 1)
        above = plan.feed(ops.reshape(above, (-1, width, drawn.shape[-1])), (1, width))
        above = ops.where(ops.equal(row, 0), ops.zeros_like(above), above)
        memories = stepper.begin_row(above, labels, memories)
        return backend.fori_loop(width, pixel, (drawn, before, memories), row, *constants)

    return backend.fori_loop(height, one_row, state, *constants)[0]


def _position(
    plan: Plan,
    stepper: Stepper | None,
    grid: Sequence[int],
    index: Tensor,
    state: tuple[Tensor, Tensor, Any],
    x: Tensor,
    given: Tensor,
    keys: Tensor,
    *labels: Tensor,
) -> tuple[Tensor, Tensor, Any]:
    """Draws the value at a position, or takes the given one. The value before it is in the state."""
    drawn, before, memories = state
    if stepper is None:
        fed = plan.feed(drawn, grid)
        outputs = plan.network([fed, *labels] if labels else fed, training=False)
        outputs = ops.take(ops.reshape(outputs, (-1, x.shape[1], outputs.shape[-1])), index, axis=1)
    else:
        first = ops.equal(index, 0)
        fed = plan.feed(before, [1] * len(grid))
        fed = ops.where(first, ops.zeros_like(fed), fed)
        outputs, memories = stepper.step(fed, index, labels, memories)
        outputs = ops.reshape(outputs, (-1, outputs.shape[-1]))
    fresh = plan.likelihood.sample(
        ops.cast(outputs, "float32"), kgen.random.fold_in(keys, index), plan.choice
    )
    known = ops.expand_dims(index < given, -1)
    value = ops.expand_dims(ops.where(known, ops.take(x, index, axis=1), fresh), 1)
    here = ops.reshape(ops.equal(ops.arange(x.shape[1], dtype="int32"), index), (1, -1, 1))
    return ops.where(here, value, drawn), value, memories
