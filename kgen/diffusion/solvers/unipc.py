"""UniPC: DPM-Solver++(2M) as the predictor, and a corrector that costs no network call."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.solvers.base import Problem, Solver
from kgen.diffusion.solvers.dpm import advance, extrapolation, stride


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class UniPC(Solver):
    """UniPC-2 with B(h) = exp(h) - 1 on the data: order 3 for one network call a step.

    The prediction at t, made to go on from there, first corrects how x came to t. The very last
    sample is not corrected. Steps from a = 0 or to b = 0 are DDIM's.

    Source: "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of Diffusion Models"
    (Zhao et al., 2023), algorithms 1, 2 and 6.

    >>> UniPC().evaluations
    1
    """

    def start(self, x: Tensor) -> tuple[Tensor, ...]:
        """How x came here at first order, two earlier data and their h; infinite: none yet."""
        nothing, never = ops.zeros_like(x), ops.convert_to_tensor(float("inf"), dtype="float32")
        return nothing, nothing, nothing, never, never

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """Corrects x at t, then predicts x at s."""
        schedule = problem.schedule
        plain, earlier, earliest, h, h_earlier = memory
        data, _ = problem.predict(x, t)
        w_earliest, w_data = _corrector_weights(h, h_earlier)
        change = w_earliest * (earliest - earlier) + w_data * (data - earlier)
        corrected = plain - schedule.a(t) * ops.expm1(-h) * change
        x = ops.where(ops.isfinite(h), corrected, x)

        h_next = stride(schedule, t, s)
        plain = advance(schedule, x, data, t, s, h_next)
        middle = data + extrapolation(h_next, h) * (data - earlier)
        return advance(schedule, x, middle, t, s, h_next), (plain, data, earlier, h_next, h)


def _corrector_weights(h: Tensor, h_earlier: Tensor) -> tuple[Tensor, Tensor]:
    """How much the changes (earliest - earlier) and (data - earlier) count.

    The step is then exact for data that are quadratic in log(a / b): with r = -h_earlier / h the
    paper's system is p_1 + p_2 = m_1 and r p_1 + p_2 = m_2, for the changes over 1 / r and 1.
    """
    m1, m2 = _moments(h)
    r = -h_earlier / h
    first = (m1 - m2) / (1.0 - r)
    return first / r, m1 - first


def _moments(h: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of u and of u^2 over the step, u from 0 to 1 with the weight exp(h u).

    For small h a series: the closed form subtracts nearly equal numbers.
    """
    q = -1.0 / ops.expm1(-h)
    m1 = q - 1.0 / h
    m2 = q - 2.0 * m1 / h
    small = h < 0.3
    series1 = 0.5 + h / 12.0 - h**3 / 720.0
    series2 = 1.0 / 3.0 + h / 12.0 + h**2 / 360.0 - h**3 / 720.0
    return ops.where(small, series1, m1), ops.where(small, series2, m2)
