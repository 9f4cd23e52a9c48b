"""Adaptive Runge-Kutta on the probability-flow equation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import keras

from kgen.backend import Tensor
from kgen.diffusion.solvers.base import Problem, Solver
from kgen.numerics import ode


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class RungeKutta(Solver):
    """Dormand and Prince's 5(4) method: steps as long as the tolerance allows.

    `integrate` goes the whole way, forwards or backwards. `step` does so between two grid times, for
    trajectories; it has a loop of unknown length, which torch cannot trace inside another loop.
    Neither may touch a time at which the velocity is undefined: end at `schedule.first`, not at 0.

    Args:
        rtol, atol: the error that a step may have, relative and absolute.
        max_steps: tried steps before it gives up.

    Source: "Score-Based Generative Modeling through Stochastic Differential Equations" (Song et al.,
    2021), section 4.3; "A Family of Embedded Runge-Kutta Formulae" (Dormand and Prince, 1980).

    >>> RungeKutta(rtol=1e-3).adaptive
    True
    """

    rtol: float = 1e-5
    atol: float = 1e-5
    max_steps: int = 1000
    adaptive: ClassVar[bool] = True

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """Goes from t to s in steps of its own."""
        return self.integrate(lambda: problem, x, t, s).state, memory

    def integrate(
        self,
        problem: Callable[..., Problem],
        x: Tensor,
        t0: float | Tensor,
        t1: float | Tensor,
        *constants: Tensor,
    ) -> ode.Solution:
        """Goes from t0 to t1, of which either may be the greater.

        Args:
            problem: takes the constants, gives what to solve.
            x: the sample at t0, float32 `(batch, ...)`.
            t0, t1: scalars.
            constants: the tensors that the prediction needs, besides variables.

        Returns:
            The sample at t1, the number of network calls, and whether t1 was reached.
        """

        def field(t: Tensor, x: Tensor, *constants: Tensor) -> Tensor:
            return problem(*constants).velocity(x, t)

        return ode.integrate(field, x, t0, t1, self.rtol, self.atol, self.max_steps, constants)
