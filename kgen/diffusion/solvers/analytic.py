"""Analytic-DPM's variance of the reverse step: the best one for a trained network, estimated once."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor
from kgen.core.record import Record
from kgen.diffusion.schedules.base import Schedule
from kgen.diffusion.solvers.base import fresh_share


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class AnalyticVariance(Record):
    """The variance of the reverse step that is optimal in Kullback-Leibler divergence,

        b_s^2 share + (a_s share)^2 error(t),      error(t) = E|x - x_hat(x_t, t)|^2 / dimensions,

    with `share` = 1 - SNR(t) / SNR(s). `model.analytic_variance(x)` estimates the errors; then
    `model.sample(n, solver=Ancestral(variance))`. It holds numbers only, so it is saved with the solver
    or the plan that it is in, not with the model. It belongs to the weights of that moment: estimate
    it again after further training.

    Args:
        times: rising, in (0, 1]; between them the error is linear, beyond them constant.
        errors: at each of them, not below 0.

    Raises ValueError for times and errors of different numbers, and for times that do not rise.

    Source: "Analytic-DPM: an Analytic Estimate of the Optimal Reverse Variance in Diffusion
    Probabilistic Models" (Bao et al., 2022), equations 7 to 12. Their 1 - E|z_hat|^2 / dimensions is
    (a / b)^2 error(t) for the optimal network; the error itself needs no clipping, and stays right for
    a network that is not: "Estimating the Optimal Covariance with Imperfect Mean in Diffusion
    Probabilistic Models" (Bao et al., 2022).

    >>> AnalyticVariance((0.5, 1.0), (0.25, 1.0)).errors
    (0.25, 1.0)
    """

    times: tuple[float, ...]
    errors: tuple[float, ...]

    def __post_init__(self) -> None:
        """Checks the table."""
        if len(self.times) != len(self.errors) or not self.times or min(self.errors) < 0.0:
            raise ValueError(
                f"expected as many errors >= 0 as times, got {len(self.errors)} and {len(self.times)}"
            )
        if any(np.diff(self.times) <= 0.0):
            raise ValueError("expected times that rise: turn the times of a grid round")

    def of_step(self, schedule: Schedule, t: Tensor, s: Tensor) -> Tensor:
        """The variance of the step from t to s < t, scalars."""
        share = fresh_share(schedule, t, s)
        small = ops.square(schedule.b(s)) * share
        return small + ops.square(schedule.a(s) * share) * self.error(t)

    def error(self, t: Tensor) -> Tensor:
        """The error at a time, a scalar: the first one and the part of each rise that lies before t."""
        times, errors = np.array(self.times), np.array(self.errors)
        starts, gaps, rises = (
            ops.convert_to_tensor(part.astype("float32"))
            for part in (times[:-1], np.diff(times), np.diff(errors))
        )
        return self.errors[0] + ops.sum(rises * ops.clip((t - starts) / gaps, 0.0, 1.0))
