"""Heun's step: Euler's, then the mean of the velocities at both its ends."""

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.solvers.base import Problem, Solver, noisy_time


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Heun(Solver):
    """Heun's method on dx/dt, of order 2; the step to data without noise is Euler's.

    Source: "Elucidating the Design Space of Diffusion-Based Generative Models" (Karras et al., 2022),
    algorithm 1.

    >>> Heun().evaluations
    2
    """

    evaluations: ClassVar[int] = 2

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """Takes one step."""
        velocity = problem.velocity(x, t)
        x_s = x + (s - t) * velocity
        later = problem.velocity(x_s, noisy_time(problem.schedule, s, t))
        corrected = x + 0.5 * (s - t) * (velocity + later)
        return ops.where(problem.schedule.b(s) > 0, corrected, x_s), memory
