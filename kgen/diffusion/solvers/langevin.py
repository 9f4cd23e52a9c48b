"""Annealed Langevin dynamics: NCSN's sampler."""

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from kgen import backend
from kgen.backend import Tensor
from kgen.diffusion.schedules.base import Schedule
from kgen.diffusion.solvers.base import Problem, Solver, needs_data_left, noise_like
from kgen.diffusion.solvers.predictor_corrector import langevin


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class AnnealedLangevin(Solver):
    """Many Langevin steps at one noise level, then on to the next one with the same x / a.

    Each grid time is a level: with the schedule `NCSN` all of them, in as many steps. `check` raises
    ValueError for a schedule that begins at a = 0.

    Args:
        steps: Langevin steps a level, T in the paper.
        epsilon: their size, in units of the variance of the noise: the paper's epsilon / sigma_L^2,
            there 2e-5 / 0.01^2.

    Raises ValueError for less than one step, and for an epsilon outside (0, 2], where the steps would
    overshoot.

    Source: "Generative Modeling by Estimating Gradients of the Data Distribution" (Song and Ermon,
    2019), algorithm 1.

    >>> AnnealedLangevin(steps=10).evaluations
    11
    """

    steps: int = 100
    epsilon: float = 0.2
    stochastic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Checks the numbers."""
        if self.steps < 1 or not 0.0 < self.epsilon <= 2.0:
            raise ValueError(
                f"expected steps >= 1 and epsilon in (0, 2], got {self.steps} and {self.epsilon}"
            )

    @property
    def evaluations(self) -> int:
        """One for each Langevin step, and one for the data."""
        return self.steps + 1

    def check(self, schedule: Schedule) -> None:
        """Refuses schedules that begin without data."""
        needs_data_left(self, schedule, "use the schedule NCSN, or VE or EDM")

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """Langevin steps at t, then x a_s / a_t; the expected data where s has no noise."""
        schedule = problem.schedule

        def move(number: Tensor, x: Tensor, t: Tensor, keys: Tensor) -> Tensor:
            return langevin(problem, x, t, 0.5 * self.epsilon, noise_like(keys, x, number))

        x = backend.fori_loop(self.steps, move, x, t, keys)
        data, _ = problem.predict(x, t)
        scaled = schedule.a(s) / schedule.a(t) * x
        return ops.where(schedule.b(s) > 0, scaled, schedule.a(s) * data), memory
