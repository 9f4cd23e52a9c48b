"""EDM's stochastic sampler: add a little noise, then take Heun's step in sigma."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.schedules.base import Schedule
from kgen.diffusion.solvers.base import Problem, Solver, fresh_share, noise_like, noisy_time


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class EDMSampler(Solver):
    """Algorithm 2 of EDM on x / a and sigma = b / a, for any schedule; of order 2 without churn.

    At a(t) = 0, where sigma is infinite, the step is DDIM's; so is the step to data without noise.

    Args:
        churn: by which share sigma grows before a step: S_churn / steps in the paper, at most
            sqrt(2) - 1.
        s_min, s_max: the sigmas between which it does.
        s_noise: the standard deviation of the noise that is added.

    Raises ValueError for a churn outside [0, sqrt(2) - 1].

    Source: "Elucidating the Design Space of Diffusion-Based Generative Models" (Karras et al., 2022),
    algorithm 2.

    >>> EDMSampler(churn=0.2, s_min=0.05, s_max=50.0, s_noise=1.003).evaluations
    2
    """

    churn: float = 0.0
    s_min: float = 0.0
    s_max: float = math.inf
    s_noise: float = 1.0
    evaluations: ClassVar[int] = 2

    def __post_init__(self) -> None:
        """Checks the churn."""
        if not 0.0 <= self.churn <= math.sqrt(2.0) - 1.0:
            raise ValueError(
                f"expected churn in [0, 0.414], got {self.churn}: it is the paper's S_churn / steps"
            )

    @property
    def stochastic(self) -> bool:
        """Whether there is churn."""
        return self.churn > 0.0

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """Takes one step."""
        if self.stochastic:
            x, t = self._add_noise(problem.schedule, x, t, keys)
        return _heun_in_sigma(problem, x, t, s), memory

    def _add_noise(
        self, schedule: Schedule, x: Tensor, t: Tensor, keys: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Moves x from t back to the time at which sigma is (1 + churn) times as large."""
        log_snr = schedule.log_snr(t)
        sigma = ops.exp(-0.5 * log_snr)
        later = schedule.time_of(log_snr - 2.0 * math.log1p(self.churn))
        later = ops.minimum(later, schedule.last)
        grows = (sigma >= self.s_min) & (sigma <= self.s_max) & (schedule.a(t) > 0) & (later > t)
        scale = schedule.a(later) / schedule.a(t)
        added = self.s_noise * schedule.b(later) * ops.sqrt(fresh_share(schedule, later, t))
        noisier = scale * x + added * noise_like(keys, x)
        return ops.where(grows, noisier, x), ops.where(grows, later, t)


def _heun_in_sigma(problem: Problem, x: Tensor, t: Tensor, s: Tensor) -> Tensor:
    """Heun's method on d(x / a) / d sigma, which is the predicted noise; the result times a(s)."""
    schedule = problem.schedule
    data, noise = problem.predict(x, t)
    x_s = schedule.a(s) * data + schedule.b(s) * noise
    _, later = problem.predict(x_s, noisy_time(schedule, s, t))
    stride = schedule.b(s) - schedule.a(s) * schedule.b(t) / schedule.a(t)
    defined = (schedule.a(t) > 0) & (schedule.b(s) > 0)
    return ops.where(defined, x_s + 0.5 * stride * (later - noise), x_s)
