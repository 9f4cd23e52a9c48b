"""DDPM's own sampler, for any two times of any schedule."""

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.solvers.analytic import AnalyticVariance
from kgen.diffusion.solvers.base import Problem, Solver, fresh_share, noise_like


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Ancestral(Solver):
    """Draws x_s from q(x_s | x_t, x), with the predicted data in place of x.

    Args:
        variance: of the step from t to s: "small" is that of q, b_s^2 share (beta tilde in the paper,
            right for data of one point); "large" is that of the forward step, b_t^2 share (beta,
            right for data of unit variance); "learned" is what the network says (`LearnedVariance`); an
            `AnalyticVariance` is estimated from the trained network. `share` is 1 - SNR(t) / SNR(s).

    The last step, to data without noise, adds none. Raises ValueError for another variance, and in a
    step for "learned" on a model that knows none.

    Source: "Denoising Diffusion Probabilistic Models" (Ho et al., 2020), equations 6-7, 11 and section
    3.2; for any schedule "Variational Diffusion Models" (Kingma et al., 2021), appendix A.

    >>> Ancestral("large").stochastic
    True
    """

    variance: str | AnalyticVariance = "small"
    stochastic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Checks the variance."""
        known = isinstance(self.variance, AnalyticVariance)
        if not known and self.variance not in ("small", "large", "learned"):
            raise ValueError(
                "expected an AnalyticVariance, or variance 'small', 'large' or 'learned', got "
                f"{self.variance!r}"
            )

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """a_s data + b_s sqrt(1 - share) noise, and new noise."""
        schedule = problem.schedule
        share = fresh_share(schedule, t, s)
        data, noise, variance = self._predict(problem, x, t, s, share)
        mean = schedule.a(s) * data + schedule.b(s) * ops.sqrt(1.0 - share) * noise
        deviation = ops.sqrt(variance)
        deviation = ops.where(schedule.b(s) > 0, deviation, ops.zeros_like(deviation))
        return mean + deviation * noise_like(keys, x), memory

    def _predict(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The data, the noise and the variance of the step, from one network call."""
        if self.variance == "learned":
            if problem.reverse is None:
                raise ValueError(
                    "Ancestral('learned') needs a model that learned its variance, and this one did "
                    "not: use Ancestral('small'), or train it with variance=LearnedVariance()"
                )
            return problem.reverse(x, t, s)
        if isinstance(self.variance, AnalyticVariance):
            return *problem.predict(x, t), self.variance.of_step(problem.schedule, t, s)
        b = problem.schedule.b(s if self.variance == "small" else t)
        return *problem.predict(x, t), ops.square(b) * share
