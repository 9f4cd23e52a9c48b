"""Euler's step on the probability-flow equation."""

from dataclasses import dataclass
from typing import Any

import keras

from kgen.backend import Tensor
from kgen.diffusion.solvers.base import Problem, Solver


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Euler(Solver):
    """x_s = x_t + (s - t) dx/dt, of order 1; on the schedule `FlowMatching` it is `DDIM`.

    Source: "Flow Straight and Fast" (Liu et al., 2023), algorithm 1.

    >>> Euler().evaluations
    1
    """

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """Takes one step."""
        return x + (s - t) * problem.velocity(x, t), memory
