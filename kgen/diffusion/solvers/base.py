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
    reverse: None, or what a model with a learned variance knows: takes x_t, t, s < t; gives the
    predicted data and noise as `predict` does, and the variance of the step, broadcastable to x_t.
    """

    schedule: Schedule
    predict: Predict = field(repr=False)
    reverse: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]] | None = None

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
        adaptive: whether the solver has `integrate`, which goes the whole way and needs no grid.
    """

    evaluations: ClassVar[int] = 1
    stochastic: ClassVar[bool] = False
    adaptive: ClassVar[bool] = False

    def check(self, schedule: Schedule) -> None:
        """Raises ValueError, with the way out, where the solver cannot serve the schedule.

        It looks at numbers, so it is called before a program is traced, not inside.
        """

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


def noise_like(keys: Tensor, x: Tensor, number: int | Tensor = 0) -> Tensor:
    """Standard normal noise of the shape of x; `number` tells the draws of one step apart."""
    return kgen.random.normal(kgen.random.fold_in(keys, number), tuple(x.shape[1:]))


def fresh_share(schedule: Schedule, t: Tensor, s: Tensor) -> Tensor:
    """1 - SNR(t) / SNR(s): the share of the noise at t that came after s < t, in [0, 1].

    With it the forward step has the variance b_t^2 share, and its inverse given the data b_s^2 share;
    both hold at a(t) = 0 and b(s) = 0 too, and no two nearly equal numbers are subtracted.

    Source: "Variational Diffusion Models" (Kingma et al., 2021), appendix A.
    """
    return -ops.expm1(schedule.log_snr(t) - schedule.log_snr(s))


def noisy_time(schedule: Schedule, s: Tensor, t: Tensor) -> Tensor:
    """s, or t where there is no noise at s: there the predicted noise is undefined."""
    return ops.where(schedule.b(s) > 0, s, t)


def needs_data_left(solver: Solver, schedule: Schedule, way_out: str) -> None:
    """Raises ValueError where a solver divides by a(t), and the schedule begins at a = 0."""
    if not schedule.data_left():
        raise ValueError(
            f"{type(solver).__name__} divides by a(t), which is 0 at the start of "
            f"{type(schedule).__name__}: {way_out}"
        )
