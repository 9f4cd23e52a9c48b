"""What a solver is: one step from time t to an earlier time s, and what it remembers between steps."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.core.record import Record
from kgen.diffusion.schedules.base import Schedule

Predict = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Problem:
    """What a solver asks of a model: its schedule, and its prediction of data and noise.

    predict: takes x_t `(batch, ...)` and a time, a float32 scalar; gives the predicted data and
    noise, of the shape of x_t, float32.
    variance: None, or what a model with a learned or optimal variance knows: takes x_t, t, s and
    gives the variance of the reverse step, broadcastable to x_t.
    """

    schedule: Schedule
    predict: Predict = field(repr=False)
    variance: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """dx/dt of the probability-flow equation, a' x + b' z of the predictions."""
        data, noise = self.predict(x, t)
        return self.schedule.a_rate(t) * data + self.schedule.b_rate(t) * noise

    def score(self, x: Tensor, t: Tensor) -> Tensor:
        """The gradient of log p_t(x), -z / b."""
        return -self.predict(x, t)[1] / self.schedule.b(t)


class Solver(Record):
    """The base of the solvers: `step` is one step of the paper's algorithm, and there is no state.

    Attributes:
        evaluations: network calls in a step.
        stochastic: whether a step draws noise.
    """

    evaluations: ClassVar[int] = 1
    stochastic: ClassVar[bool] = False

    def check(self, schedule: Schedule) -> None:
        """Raises ValueError, with the way out, where the solver cannot serve the schedule."""

    def start(self, x: Tensor) -> Any:
        """What is remembered before the first step: nested tensors of the shapes of all later ones."""
        return ()

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """Takes one step.

        Args:
            problem: what to solve.
            x: the sample at time t, float32 `(batch, ...)`.
            t, s: float32 scalars, t > s. At s = 0 the schedule may have b = 0.
            keys: int32 `(batch, 2)`, other ones at each step.
            memory: of the step before.

        Returns:
            The sample at time s, and what to remember.
        """
        raise NotImplementedError

    def finish(self, problem: Problem, x: Tensor, t: Tensor) -> Tensor:
        """The data, from the sample at the grid's last time t; called where t > 0.

        The default is the expected data: the last noise is not worth a step of its own.
        """
        return problem.predict(x, t)[0]


def noise_like(keys: Tensor, x: Tensor, number: int = 0) -> Tensor:
    """Standard normal noise of the shape of x; `number` tells the draws of one step apart."""
    return kgen.random.normal(kgen.random.fold_in(keys, number), tuple(x.shape[1:]))


def safe_divide(numerator: Tensor, denominator: Tensor) -> Tensor:
    """0 where the denominator is 0: for factors that vanish with it."""
    zero = denominator == 0
    return ops.where(zero, 0.0, numerator / ops.where(zero, 1.0, denominator))
