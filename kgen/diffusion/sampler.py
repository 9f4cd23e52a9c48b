"""From a diffusion model to samples: its denoiser, and the compiled loop around it."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor
from kgen.core import endpoint, seeds
from kgen.diffusion.grids import Grid
from kgen.diffusion.sampling import Plan, Solution, solve
from kgen.diffusion.schedules.base import Schedule, like
from kgen.diffusion.solvers import Heun
from kgen.diffusion.solvers.base import Problem, Solver


class SamplerMixin:
    """`sample`, `generate` and `solve` of a diffusion model."""

    @property
    def guided(self) -> bool:
        """Whether the model was trained to do with and without its conditions."""
        return self.label_dropout > 0 and self.conditions.can_drop

    @property
    def needs_labels(self) -> bool:
        """Whether the model knows its data by class only."""
        return self.takes_labels and self.label_dropout == 0.0

    @property
    def endpoints(self) -> dict[str, dict[str, keras.InputSpec]]:
        """`generate` of seeds, conditions, and the weight of guidance where the model has it."""
        seed = seeds()
        guidance = keras.InputSpec(shape=(None,), dtype="float32")
        return {
            "generate": seed | self.conditions.specs() | ({"guidance": guidance} if self.guided else {})
        }

    @property
    def averaged(self) -> tuple[keras.Layer, Schedule]:
        """The network and the schedule that samples come from: their averages, where there are any."""
        if self.ema is None:
            return self.network, self.schedule
        schedule = self.schedule if self.schedule_ema is None else self.schedule_ema.average
        return self.ema.average, schedule

    def problem(
        self,
        named: dict[str, Tensor],
        guidance: Tensor | None = None,
        interval: tuple[float, float] = (0.0, 1.0),
    ) -> Problem:
        """Gives what solvers solve: the prediction of data and noise, with the averaged weights.

        With guidance the network's output is

            y = (1 + w) y_condition - w y_nothing,

        from one call of both. The scale of other libraries, y_nothing + s (y_condition - y_nothing),
        is s = 1 + w. A learned variance is that of y_condition.

        Args:
            named: the conditions.
            guidance: w, `(batch,)`; None: without.
            interval: times (low, high) between which w acts; outside it is 0.

        Source: "Classifier-Free Diffusion Guidance" (Ho and Salimans, 2022), equation 6; "Applying
        Guidance in a Limited Interval" (Kynkäänniemi et al., 2024), equation 5.
        """
        schedule = self.averaged[1]

        def evaluate(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
            times = ops.zeros_like(ops.reshape(x, (ops.shape(x)[0], -1))[:, 0]) + t
            weight = guidance
            if guidance is not None:
                weight = guidance * ops.cast((t >= interval[0]) & (t <= interval[1]), "float32")
            y, v = self._outputs(x, times, named, weight)
            data, noise = self.target.solve(schedule, x, y, t)
            if self.clip is not None:
                data = ops.clip(data, *self.clip)
                noise = (x - schedule.a(t) * data) / schedule.b(t)
            return data, noise, v

        def reverse(x: Tensor, t: Tensor, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            data, noise, v = evaluate(x, t)
            return data, noise, self.variance.of_step(schedule, v, t, s)

        known = reverse if self.variance is not None else None
        return Problem(schedule, lambda x, t: evaluate(x, t)[:2], known)

    def told(self, conditions: tuple[Tensor, ...]) -> tuple[dict[str, Tensor], Tensor | None]:
        """Gives the conditions by name, and the weights of guidance that may follow, or None."""
        names = self.conditions.names
        guidance = conditions[len(names)] if len(conditions) > len(names) else None
        return dict(zip(names, conditions, strict=False)), guidance

    def _outputs(
        self, x: Tensor, t: Tensor, named: dict[str, Tensor], weight: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """The target under guidance, and v of a learned variance, by the averaged network."""
        network, schedule = self.averaged
        if weight is None:
            return self.outputs_of(network, x, t, named, schedule=schedule)
        null = self.conditions.null(named)
        both = {n: ops.concatenate([named[n], null[n]]) for n in named}
        twice = (ops.concatenate([x, x]), ops.concatenate([t, t]))
        y, v = self.outputs_of(network, *twice, both, schedule=schedule)
        told, untold = ops.split(y, 2)
        y = told + like(weight, x) * (told - untold)
        return y, None if v is None else ops.split(v, 2)[0]

    @endpoint
    def solve(self, seed: Tensor, *conditions: Tensor, plan: Plan | None = None) -> Solution:
        """Draws samples, and says whether they stayed finite; see `sample`.

        The conditions are those of `generate`; without the weights of guidance there is none.
        """

        def problem(*conditions: Tensor) -> Problem:
            return self.problem(*self.told(conditions), plan.interval)

        plan = plan if plan is not None else self.plan()
        schedule, shape = self.averaged[1], tuple(self.data_shape)
        solution = solve(plan, schedule, self.target, problem, shape, seed, *conditions)
        if self.clip is None or plan.trajectory:
            return solution
        return Solution(ops.clip(solution.samples, *self.clip), solution.failed)

    @endpoint
    def generate(self, seed: Tensor, *conditions: Tensor) -> Tensor:
        """Turns keys, int32 `(batch, 2)`, into samples, by the default plan.

        Conditions follow in the order of the network's inputs, and then, where the model was trained
        with label dropout, the weights of guidance, float `(batch,)`.
        """
        return self.solve(seed, *conditions).samples

    def plan(self) -> Plan:
        """The plan of `generate`: `sampler`, or 25 steps of Heun's method, or as many as there are."""
        return self.sampler or Plan(Heun(), steps=min(25, self.schedule.steps or 25))

    def chosen(
        self,
        solver: Solver | None,
        steps: int | None,
        grid: Grid | None,
        interval: tuple[float, float] | None,
        trajectory: bool = False,
    ) -> Plan:
        """The plan of these choices; where one is None, that of `plan`."""
        default = self.plan()
        return Plan(
            solver if solver is not None else default.solver,
            default.steps if steps is None else steps,
            grid if grid is not None else default.grid,
            default.interval if interval is None else tuple(interval),
            trajectory,
        )

    def draw(
        self,
        keys: np.ndarray,
        given: dict[str, Any],
        batch_size: int,
        *,
        guidance: Any = None,
        solver: Solver | None = None,
        steps: int | None = None,
        grid: Grid | None = None,
        interval: tuple[float, float] | None = None,
        trajectory: bool = False,
    ) -> np.ndarray:
        """Draws a sample from each key in one compiled loop; see `sample`.

        Args:
            keys: int32 `(n, 2)`.
            given: conditions by name. Without labels a model trained with label dropout draws from no
                class in particular, and another one sample i of the class i % classes.
            batch_size: how many at once.
            guidance: w, a number or `(n,)`; 0 is none, which takes half as long. See `problem`.
            solver, steps, grid: None: those of `plan`.
            interval: times (low, high) between which guidance acts; None: those of `plan`.
            trajectory: whether to give all steps, from the noise on.

        Returns:
            float32 `(n, ...)`, or `(n, steps + 1, ...)` with `trajectory`.

        Raises:
            ValueError: for conditions that do not fit the model, guidance without label dropout or
                without a condition to be guided to, and a solver or a number of steps that the
                schedule cannot serve.
            FloatingPointError: where the network's output is not finite; it says at which step.
        """
        n, others = len(keys), dict(given)
        labels = others.pop("labels", None)
        if labels is None and self.needs_labels:
            labels = np.arange(n) % self.classes
        arrays = self._conditions(n, labels, others)
        arrays += self._guidance(n, guidance, told=self._asked(labels, others))
        plan = self.chosen(solver, steps, grid, interval, trajectory)
        times = plan.times(self.schedule, self.target)  # mistakes before anything is compiled
        solution = self.solve(keys, *arrays, plan=plan, batch_size=batch_size)
        check_finite(solution.failed, times)
        return solution.samples

    def _conditions(self, n: int, labels: Any, others: dict[str, Any]) -> list[np.ndarray]:
        if labels is None and self.takes_labels and self.label_dropout > 0:
            labels = self.classes
        return self.conditions.of_examples(n, labels=labels, **others)

    def _asked(self, labels: Any, others: dict[str, Any]) -> bool:
        """Whether there is a condition to be guided to."""
        given = {"labels": labels, **others}
        hidden = self.conditions.only([name for name, value in given.items() if value is not None])
        return hidden.can_drop

    def _guidance(self, n: int, guidance: Any, told: bool) -> list[np.ndarray]:
        """The weights of guidance; nothing where all are 0: then one branch is enough."""
        weight = np.asarray(0.0 if guidance is None else guidance, dtype="float32")
        if not np.any(weight):
            return []
        if not self.guided:
            raise ValueError(
                "guidance needs a model that knows its data without conditions too: train it with "
                "label_dropout=0.1"
            )
        if not told:
            raise ValueError(
                "guidance leads to a class or a context, and neither was asked for: give labels=... or "
                "context=..."
            )
        return [np.broadcast_to(weight, (n,)).copy()]


def check_finite(failed: np.ndarray, times: np.ndarray) -> None:
    """Raises FloatingPointError where samples failed at a step, and says at which time."""
    steps = failed[failed > 0]
    if len(steps):
        step = int(steps.min())
        raise FloatingPointError(
            f"{len(steps)} of {len(failed)} samples are not finite from step {step} of "
            f"{len(times) - 1} on (t = {times[step - 1]:.4g}): the network's output was NaN or "
            "infinite there, or the solver is unstable with so few steps"
        )
