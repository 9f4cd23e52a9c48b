"""The sampler of consistency models: to the data at once, and back to a little less noise."""

from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from kgen.backend import Tensor
from kgen.diffusion.solvers.base import Problem, Solver, noise_like


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Renoise(Solver):
    """Predicts the data and noises them afresh: x_s = a_s data + b_s new noise.

    For models that predict samples, as consistency models do. The expected data, which others
    predict, have too little variety: on data N(0, d^2) it leaves too small a deviation.

    Source: "Consistency Models" (Song et al., 2023), algorithm 1.

    >>> Renoise().stochastic
    True
    """

    stochastic: ClassVar[bool] = True

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """Takes one step."""
        data, _ = problem.predict(x, t)
        return problem.schedule.a(s) * data + problem.schedule.b(s) * noise_like(keys, x), memory
