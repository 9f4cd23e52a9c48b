"""Predictor-corrector sampling: a step of another solver, then Langevin steps at the new time."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import keras
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.diffusion.schedules.base import Schedule
from kgen.diffusion.solvers.ancestral import Ancestral
from kgen.diffusion.solvers.base import Problem, Solver, noise_like, noisy_time


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class PredictorCorrector(Solver):
    """Corrects each step of the predictor by Langevin dynamics with the score.

    The step size is e = 2 (r b)^2. That is the paper's 2 (r |z| / |score|)^2 with the score's size
    where data lie on thin sets, |z| / b, in place of each sample's own: so a sample does not depend
    on the batch that it is in. Its factor alpha for VP, 1 to first order, is left out.

    Args:
        predictor: the step; `Ancestral("large")` is the paper's for VE.
        snr: r.
        corrector_steps: Langevin steps after each step.

    Raises ValueError for an snr that is not positive, and for less than one corrector step.

    Source: "Score-Based Generative Modeling through Stochastic Differential Equations" (Song et al.,
    2021), algorithms 2-5.

    >>> PredictorCorrector(corrector_steps=2).evaluations
    3
    """

    predictor: Solver = field(default_factory=lambda: Ancestral("large"))
    snr: float = 0.16
    corrector_steps: int = 1
    stochastic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Checks the numbers."""
        if self.snr <= 0.0 or self.corrector_steps < 1:
            raise ValueError(
                f"expected snr > 0 and corrector_steps >= 1, got {self.snr}, {self.corrector_steps}"
            )

    @property
    def evaluations(self) -> int:
        """The predictor's and one for each Langevin step."""
        return self.predictor.evaluations + self.corrector_steps

    def check(self, schedule: Schedule) -> None:
        """Refuses what the predictor refuses."""
        self.predictor.check(schedule)

    def start(self, x: Tensor) -> Any:
        """The predictor's."""
        return self.predictor.start(x)

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """Takes the predictor's step, then the Langevin steps; none at s without noise."""
        x, memory = self.predictor.step(problem, x, t, s, keys, memory)
        keys = kgen.random.fold_in(keys, 1)
        has_noise = problem.schedule.b(s) > 0
        time = noisy_time(problem.schedule, s, t)
        for number in range(self.corrector_steps):
            corrected = langevin(problem, x, time, 2.0 * self.snr**2, noise_like(keys, x, number))
            x = ops.where(has_noise, corrected, x)
        return x, memory

    def finish(self, problem: Problem, x: Tensor, t: Tensor) -> Tensor:
        """The predictor's."""
        return self.predictor.finish(problem, x, t)


def langevin(problem: Problem, x: Tensor, t: Tensor, size: float, noise: Tensor) -> Tensor:
    """x + e score + sqrt(2 e) noise with e = size b^2, so that nothing is divided by b.

    Source: "Generative Modeling by Estimating Gradients of the Data Distribution" (Song and Ermon,
    2019), equation 4 with epsilon = 2 e.
    """
    b = problem.schedule.b(t)
    _, predicted = problem.predict(x, t)
    return x - size * b * predicted + (2.0 * size) ** 0.5 * b * noise
