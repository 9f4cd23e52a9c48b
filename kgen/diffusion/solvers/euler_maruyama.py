"""The Euler-Maruyama step on the reverse stochastic differential equation."""

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.schedules.base import Schedule
from kgen.diffusion.solvers.base import Problem, Solver, needs_data_left, noise_like


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class EulerMaruyama(Solver):
    """Solves dx = (f x - g^2 score) dt + g dw backwards in time; needs many steps.

    `check` raises ValueError for a schedule that begins at a = 0, where f is infinite.

    Source: "Score-Based Generative Modeling through Stochastic Differential Equations" (Song et al.,
    2021), equation 6.

    >>> EulerMaruyama().stochastic
    True
    """

    stochastic: ClassVar[bool] = True

    def check(self, schedule: Schedule) -> None:
        """Refuses schedules that begin without data."""
        needs_data_left(self, schedule, "use Ancestral or DDIM(eta=1.0), or a schedule VP, VE or EDM")

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """Takes one step; that to data without noise adds none."""
        schedule = problem.schedule
        data, noise = problem.predict(x, t)
        g_squared = schedule.diffusion_squared(t)
        # f x - g^2 score: the velocity of the probability flow is f x - g^2 score / 2
        velocity = schedule.a_rate(t) * data + schedule.b_rate(t) * noise
        drift = velocity + 0.5 * g_squared / schedule.b(t) * noise
        added = ops.where(schedule.b(s) > 0, ops.sqrt(g_squared * (t - s)), 0.0)
        return x + (s - t) * drift + added * noise_like(keys, x), memory
