"""DDPM's own sampler, for any two times of any schedule."""

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.solvers.base import Problem, Solver, fresh_share, noise_like


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Ancestral(Solver):
    """Draws x_s from q(x_s | x_t, x), with the predicted data in place of x.

    Args:
        variance: of the step from t to s: "small" is that of q, b_s^2 share (beta tilde in the paper,
            right for data of one point); "large" is that of the forward step, b_t^2 share (beta,
            right for data of unit variance); "learned" asks the model, as one with a learned or an
            optimal variance needs. `share` is 1 - SNR(t) / SNR(s).

    The last step, to data without noise, adds none. Raises ValueError for another variance, and in a
    step for "learned" on a model that knows none.

    Source: "Denoising Diffusion Probabilistic Models" (Ho et al., 2020), equations 6-7, 11 and section
    3.2; for any schedule "Variational Diffusion Models" (Kingma et al., 2021), appendix A.

    >>> Ancestral("large").stochastic
    True
    """

    variance: str = "small"
    stochastic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Checks the variance."""
        if self.variance not in ("small", "large", "learned"):
            raise ValueError(f"expected variance 'small', 'large' or 'learned', got {self.variance!r}")

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """a_s data + b_s sqrt(1 - share) noise, and new noise."""
        schedule = problem.schedule
        data, noise = problem.predict(x, t)
        share = fresh_share(schedule, t, s)
        mean = schedule.a(s) * data + schedule.b(s) * ops.sqrt(1.0 - share) * noise
        deviation = ops.sqrt(self._variance(problem, x, t, s, share))
        deviation = ops.where(schedule.b(s) > 0, deviation, ops.zeros_like(deviation))
        return mean + deviation * noise_like(keys, x), memory

    def _variance(self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, share: Tensor) -> Tensor:
        if self.variance == "small":
            return ops.square(problem.schedule.b(s)) * share
        if self.variance == "large":
            return ops.square(problem.schedule.b(t)) * share
        if problem.variance is None:
            raise ValueError(
                "Ancestral('learned') needs a model that knows its variance, and this one does not: "
                "use Ancestral('small') or Ancestral('large')"
            )
        return problem.variance(x, t, s)
