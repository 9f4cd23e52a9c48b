"""DPM-Solver++(2M): the linear part exactly, the data prediction extrapolated from two steps."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.schedules.base import Schedule
from kgen.diffusion.solvers.base import Problem, Solver


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class DPMSolverPP2M(Solver):
    """Order 2 for one network call a step, exact for data of a single point.

    In l = log(a / b) and h = l_s - l_t the equation has the solution x_s = b_s / b_t x_t +
    a_s int_0^h exp(u - h) data(u) du. The data are taken to be linear in l through this and the
    earlier step, at most as far ahead as that one reaches back. The first step, and one from a = 0 or
    to b = 0, where h is infinite, are DDIM's.

    Source: "DPM-Solver++" (Lu et al., 2022), algorithm 2.

    >>> DPMSolverPP2M().evaluations
    1
    """

    def start(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The data of the earlier step and its h; infinite: there was none."""
        return ops.zeros_like(x), ops.convert_to_tensor(float("inf"), dtype="float32")

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """b_s / b_t x + a_s (1 - exp(-h)) (data + h / (2 h_earlier) (data - data_earlier))."""
        earlier, h_earlier = memory
        schedule = problem.schedule
        data, _ = problem.predict(x, t)
        h = stride(schedule, t, s)
        middle = data + extrapolation(h, h_earlier) * (data - earlier)
        return advance(schedule, x, middle, t, s, h), (data, h)


def stride(schedule: Schedule, t: Tensor, s: Tensor) -> Tensor:
    """h, the step in log(a / b); infinite from a = 0 and to b = 0."""
    return 0.5 * (schedule.log_snr(s) - schedule.log_snr(t))


def advance(schedule: Schedule, x: Tensor, data: Tensor, t: Tensor, s: Tensor, h: Tensor) -> Tensor:
    """x_s where the predicted data stay the same from t to s."""
    return schedule.b(s) / schedule.b(t) * x - schedule.a(s) * ops.expm1(-h) * data


def extrapolation(h: Tensor, h_earlier: Tensor) -> Tensor:
    """h / (2 h_earlier), the way to the middle of the step; 0 for the infinite step to b = 0.

    At most 1: a grid that ends just above data has a last step many times as long in log(a / b) as
    the one before, and to extrapolate so far costs more than it gains.
    """
    return ops.where(ops.isfinite(h), ops.minimum(0.5 * h / h_earlier, 1.0), 0.0)
