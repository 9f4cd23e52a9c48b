"""From noise to samples: a solver's steps along a grid, as one compiled loop."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen import backend
from kgen.backend import Tensor
from kgen.core.check import check_object
from kgen.core.record import Record
from kgen.diffusion.grids import Grid, Uniform
from kgen.diffusion.schedules.base import Schedule
from kgen.diffusion.solvers.base import Problem, Solver
from kgen.diffusion.targets import Target

_START = -1  # folds into the key of the first noise; the steps fold in 0, 1, ...


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Plan(Record):
    """How to sample, as one hashable object: it decides the compiled program.

    Args:
        solver: one step.
        steps: how many.
        grid: where they stop; None: `Uniform`.
        interval: the times (low, high) between which guidance acts.
        trajectory: whether to keep every step.
    """

    solver: Solver
    steps: int = 50
    grid: Grid | None = None
    interval: tuple[float, float] = (0.0, 1.0)
    trajectory: bool = False

    def __post_init__(self) -> None:
        """Raises TypeError where the solver or the grid is a name or a class, or steps a fraction."""
        check_object("solver", self.solver, "kgen.diffusion.DDIM()")
        check_object("grid", self.grid, "kgen.diffusion.Quadratic()")
        if not isinstance(self.steps, int | np.integer):
            raise TypeError(f"expected a whole number of steps, got {self.steps!r}")

    def times(self, schedule: Schedule, target: Target) -> np.ndarray:
        """The grid's times, float32 `(steps + 1,)`, down to 0 where the schedule has no noise there.

        Raises ValueError for a number of steps that the schedule does not have, and for a solver
        that cannot serve it.
        """
        grid = self.grid if self.grid is not None else Uniform()
        if self.solver.adaptive and self.trajectory:
            raise ValueError(f"{type(self.solver).__name__} has no steps to show: use Heun()")
        with backend.concrete():
            self.solver.check(schedule)
            end = max(schedule.first, 1e-4) if self.solver.adaptive else schedule.data_time()
            return grid.times(schedule, self.steps, end, target.last_time(schedule))


def check_sampler(sampler: Plan | None) -> None:
    """Raises TypeError for a model's sampler that is no `Plan`, ValueError for one that shows paths."""
    if sampler is None:
        return
    if not isinstance(sampler, Plan):
        raise TypeError(f"expected sampler=kgen.diffusion.Plan(solver, steps), got {sampler!r}")
    if sampler.trajectory:
        raise ValueError(
            "sampler is how single samples are drawn: ask sample(trajectory=True) for paths"
        )


class Solution(NamedTuple):
    """What a sampler gives: the samples; the number of the first step that was not finite, or 0."""

    samples: Tensor
    failed: Tensor


def solve(
    plan: Plan,
    schedule: Schedule,
    target: Target,
    problem: Callable[..., Problem],
    shape: tuple[int, ...],
    keys: Tensor,
    *constants: Tensor,
) -> Solution:
    """Draws one sample a key.

    Args:
        plan: how.
        schedule, target: of the model; the grid starts at the target's last time.
        problem: takes the constants, gives what to solve.
        shape: of one sample.
        keys: int32 `(batch, 2)`.
        constants: the tensors that the problem needs.

    Returns:
        Samples float32 `(batch, *shape)`, or `(batch, steps + 1, *shape)` of a trajectory, which
        begins with the noise; and int32 `(batch,)`.
    """
    grid = plan.times(schedule, target)

    def step(i: Tensor, state: tuple, keys: Tensor, *constants: Tensor) -> tuple:
        x, memory, failed, path = state
        t, s = (ops.take(ops.convert_to_tensor(grid), i + k) for k in (0, 1))
        x, memory = plan.solver.step(problem(*constants), x, t, s, kgen.random.fold_in(keys, i), memory)
        failed = ops.where((failed == 0) & ~_finite(x), i + 1, failed)
        return x, memory, failed, _kept(path, x, i + 1)

    noise = kgen.random.normal(kgen.random.fold_in(keys, _START), shape)
    x = schedule.b(ops.convert_to_tensor(grid[0])) * noise
    if plan.solver.adaptive:
        result = plan.solver.integrate(problem, x, grid[0], grid[-1], *constants)
        x = plan.solver.finish(problem(*constants), result.state, ops.convert_to_tensor(grid[-1]))
        return Solution(x, ops.where(_finite(x) & result.success, 0, 1))
    path = ops.repeat(ops.expand_dims(x, 1), len(grid) if plan.trajectory else 1, axis=1)
    state = (x, plan.solver.start(x), ops.zeros_like(keys[:, 0]), path)
    x, _, failed, path = backend.fori_loop(len(grid) - 1, step, state, keys, *constants)
    if grid[-1] > 0.0 or schedule.first == 0.0:  # VE has noise at t = 0, too
        x = finish(plan.solver, problem, x, grid[-1], *constants)
    return Solution(path if plan.trajectory else x, failed)


def finish(
    solver: Solver, problem: Callable[..., Problem], x: Tensor, t: float, *constants: Tensor
) -> Tensor:
    """Runs the solver's `finish` at the grid's last time, as a loop of one: so torch traces it, too."""

    def once(i: Tensor, x: Tensor, *constants: Tensor) -> Tensor:
        return solver.finish(problem(*constants), x, ops.convert_to_tensor(t))

    return backend.fori_loop(1, once, x, *constants)


def _kept(path: Tensor, x: Tensor, index: Tensor) -> Tensor:
    """Writes x into row `index` of each path; a path of one row keeps nothing."""
    rows = path.shape[1]
    if rows == 1:
        return path
    here = ops.reshape(ops.arange(rows) == index, (1, rows) + (1,) * (len(x.shape) - 1))
    return ops.where(here, ops.expand_dims(x, 1), path)


def _finite(x: Tensor) -> Tensor:
    return ops.all(ops.isfinite(ops.reshape(x, (ops.shape(x)[0], -1))), axis=-1)
