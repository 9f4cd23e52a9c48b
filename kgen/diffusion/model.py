"""The diffusion model: any network, schedule, target and solver, and one squared error."""

from typing import Any

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.core import EMA, GenerativeModel, endpoint
from kgen.diffusion.conditions import Conditions, check_labels
from kgen.diffusion.grids import Grid
from kgen.diffusion.likelihood import LikelihoodMixin
from kgen.diffusion.pairing import OptimalTransport
from kgen.diffusion.precondition import Precondition
from kgen.diffusion.sampling import Plan, Solution, solve
from kgen.diffusion.schedules import FlowMatching, Schedule
from kgen.diffusion.schedules.base import like
from kgen.diffusion.solvers import Heun
from kgen.diffusion.solvers.base import Predict, Solver
from kgen.diffusion.targets import Target, Velocity
from kgen.diffusion.times import Times, UniformTimes
from kgen.diffusion.weights import Simple, Weight


@keras.saving.register_keras_serializable("kgen")
class Diffusion(LikelihoodMixin, GenerativeModel):
    """Learns to undo noise: with x_t = a(t) x + b(t) z and the target y = c(t) x + d(t) z it minimises

        E w(t) |network(x_t, t) - y|^2.

    DDPM, score matching, flow matching and EDM are rows of one table:

    | | schedule | target | times | weight | precondition |
    |---|---|---|---|---|---|
    | flow matching | `FlowMatching()` | `Velocity()` | `UniformTimes()` | `Simple()` | None |
    | DDPM | `DDPM.linear()` | `Noise()` | `UniformTimes()` | `Simple()` | None |
    | v-prediction | `Cosine()` | `V()` | `UniformTimes()` | `Simple()` | None |
    | score SDE | `VP()`, `SubVP()`, `VE()` | `Noise()` | `UniformTimes()` | `Simple()` | None |
    | EDM | `EDM()` | `F()` | `LogNormalNoise()` | `Simple()` | `Precondition()` |

    Args:
        network: a functional model of [x, t, ...] with inputs named as `kgen.networks.unet` names
            them; output of the shape of x.
        schedule: a(t) and b(t); None: `FlowMatching()`.
        target: what the network predicts; None: `Velocity()`.
        times: which times training looks at; None: `UniformTimes()`.
        weight: w(t); None: `Simple()`.
        precondition: what the network sees in place of x_t and t; None: these themselves.
        pairing: None: examples and noise meet by chance; or `OptimalTransport()`.
        classes: how many labels there are, where the network takes labels.
        label_dropout: how often training hides labels and context; above 0 for guidance.
        clip: None, or the range (low, high) to which solvers clip the predicted data, and the samples.
        ema_decay: None, or the decay of an average of the network, which samples are drawn from.

    `call` maps [x_t, t, ...] to the target. The log is "loss", a mean over examples and dimensions.

    Source: "Understanding Diffusion Objectives as the ELBO with Simple Data Augmentation" (Kingma and
    Gao, 2023), section 2 and appendix D, for the unified view.

    Raises ValueError for a network whose inputs or output do not fit.

    >>> import kgen
    >>> model = Diffusion(kgen.networks.residual_mlp(2, width=16))
    >>> model.compile(keras.optimizers.Adam(1e-3))
    >>> x = kgen.data.load("moons", size=256).x
    >>> history = model.fit(x, epochs=1, verbose=0)
    >>> model.sample(5, steps=4, seed=0).shape
    (5, 2)
    """

    def __init__(
        self,
        network: keras.Model,
        schedule: Schedule | None = None,
        target: Target | None = None,
        times: Times | None = None,
        weight: Weight | None = None,
        precondition: Precondition | None = None,
        pairing: OptimalTransport | None = None,
        classes: int | None = None,
        label_dropout: float = 0.0,
        clip: tuple[float, float] | None = None,
        ema_decay: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0.0 <= label_dropout < 1.0:
            raise ValueError(f"expected label_dropout in [0, 1), got {label_dropout}")
        self.network = network
        self.schedule = schedule if schedule is not None else FlowMatching()
        self.target = target if target is not None else Velocity()
        self.times = times if times is not None else UniformTimes()
        self.weight = weight if weight is not None else Simple()
        self.precondition = precondition
        self.pairing = pairing
        self.classes = classes
        self.label_dropout = label_dropout
        self.clip = tuple(clip) if clip is not None else None
        self.ema_decay = ema_decay
        self.conditions = Conditions(network, classes)
        _check_output(network)
        self.ema = EMA(network, ema_decay) if ema_decay is not None else None
        self.track("loss")

    @property
    def data_shape(self) -> tuple[int | None, ...]:
        """The shape of one example."""
        return tuple(self.network.inputs[0].shape[1:])

    @property
    def guided(self) -> bool:
        """Whether the model was trained to do with and without its conditions."""
        return self.label_dropout > 0 and self.conditions.can_drop

    @property
    def endpoints(self) -> dict[str, dict[str, keras.InputSpec]]:
        """`generate` of seeds, conditions, and the weight of guidance where the model has it."""
        seed = super().endpoints["generate"]
        guidance = keras.InputSpec(shape=(None,), dtype="float32")
        return {
            "generate": seed | self.conditions.specs() | ({"guidance": guidance} if self.guided else {})
        }

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Maps [x_t, t, ...] to the target, with the weights of the last step."""
        x, t, *rest = inputs
        named = dict(zip(self.conditions.names, rest, strict=True))
        return self.predict_target(self.network, x, t, named, training)

    def predict_target(
        self,
        network: keras.Layer,
        x: Tensor,
        t: Tensor,
        named: dict[str, Tensor],
        training: bool = False,
    ) -> Tensor:
        """Runs a network on noisy examples `(batch, ...)` at times `(batch,)`; float32."""
        time = t
        if self.precondition is not None:
            x = like(self.precondition.scale(self.schedule, t), x) * x
            time = self.precondition.time(self.schedule, t)
        inputs = [x, time, *(named[name] for name in self.conditions.names)]
        return ops.cast(network(inputs, training=training), "float32")

    def losses_of(self, x: Tensor, condition: Any, keys: Tensor, training: bool = False) -> Tensor:
        """The weighted squared error of each example, float32 `(batch,)`, a mean over its dimensions.

        Args:
            x: examples.
            condition: as `fit` takes it; a dict's "noise", of the shape of x, takes the place of
                fresh noise (reflow).
            keys: int32 `(batch, 2)`.
            training: whether the network runs in training mode, and conditions are dropped.
        """
        x = ops.cast(x, "float32")
        t = self.times.sample(self.schedule, kgen.random.fold_in(keys, 0))
        if isinstance(condition, dict) and "noise" in condition:
            noise = ops.cast(condition["noise"], "float32")
        else:
            noise = kgen.random.normal(kgen.random.fold_in(keys, 1), tuple(x.shape[1:]))
        if self.pairing is not None:
            noise = ops.stop_gradient(self.pairing(x, noise, kgen.random.fold_in(keys, 2)))
        named = self.conditions.of_batch(condition)
        if training:
            named = self.conditions.dropped(named, self.label_dropout, kgen.random.fold_in(keys, 3))
        y = self.target.make(self.schedule, x, noise, t)
        x_t = self.schedule.mix(x, noise, t)
        error = ops.square(self.predict_target(self.network, x_t, t, named, training) - y)
        error = ops.mean(ops.reshape(error, (ops.shape(x)[0], -1)), axis=-1)
        return self.weight(self.schedule, self.target, t) * error

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Takes one step down the squared error."""
        x, condition = self.unpack(data)
        keys = self.random.next_keys(like=x)
        loss = self.minimize(lambda: ops.mean(self.losses_of(x, condition, keys, training=True)))
        if self.ema is not None:
            self.ema.update()
        return self.update_metrics(loss=loss)

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Evaluates the squared error."""
        x, condition = self.unpack(data)
        return self.update_metrics(loss=self.losses_of(x, condition, self.random.next_keys(like=x)))

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does, after a look at the data and the labels."""
        labels = y.get("labels") if isinstance(y, dict) else y
        if self.conditions.names[:1] == ("labels",) and isinstance(labels, np.ndarray):
            check_labels(labels, self.classes)
        return super().fit(x, y, *args, **kwargs)

    def denoiser(
        self, named: dict[str, Tensor], guidance: Tensor | None, interval: tuple[float, float]
    ) -> Predict:
        """Gives the solvers' prediction of data and noise, with the averaged weights.

        With guidance the network's output is

            y = (1 + w) y_condition - w y_nothing,

        from one call of both. The scale of other libraries, y_nothing + s (y_condition - y_nothing),
        is s = 1 + w.

        Args:
            named: the conditions.
            guidance: w, `(batch,)`; None: without.
            interval: times (low, high) between which w acts; outside it is 0.

        Source: "Classifier-Free Diffusion Guidance" (Ho and Salimans, 2022), equation 6; "Applying
        Guidance in a Limited Interval" (Kynkäänniemi et al., 2024), equation 5.
        """
        network = self.network if self.ema is None else self.ema.average

        def predict(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            times = ops.zeros_like(ops.reshape(x, (ops.shape(x)[0], -1))[:, 0]) + t
            if guidance is None:
                y = self.predict_target(network, x, times, named)
            else:
                inside = ops.cast((t >= interval[0]) & (t <= interval[1]), "float32")
                y = self._guided(network, x, times, named, guidance * inside)
            data, noise = self.target.solve(self.schedule, x, y, t)
            if self.clip is None:
                return data, noise
            data = ops.clip(data, *self.clip)
            return data, (x - self.schedule.a(t) * data) / self.schedule.b(t)

        return predict

    def _guided(
        self, network: keras.Layer, x: Tensor, t: Tensor, named: dict[str, Tensor], weight: Tensor
    ) -> Tensor:
        null = self.conditions.null(named)
        both = {n: ops.concatenate([named[n], null[n]]) for n in named}
        y = self.predict_target(network, ops.concatenate([x, x]), ops.concatenate([t, t]), both)
        told, untold = ops.split(y, 2)
        return told + like(weight, x) * (told - untold)

    @endpoint
    def solve(self, seed: Tensor, *conditions: Tensor, plan: Plan | None = None) -> Solution:
        """Draws samples, and says whether they stayed finite; see `sample`."""

        def predictor(*conditions: Tensor) -> Predict:
            guidance = conditions[len(self.conditions.names)] if self.guided else None
            named = dict(zip(self.conditions.names, conditions, strict=False))
            return self.denoiser(named, guidance, plan.interval)

        plan = plan if plan is not None else self.plan()
        shape = tuple(self.data_shape)
        solution = solve(plan, self.schedule, self.target, predictor, shape, seed, *conditions)
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
        """The plan of `generate`: 25 steps of Heun's method, or as many as the schedule has."""
        return Plan(Heun(), steps=min(25, self.schedule.steps or 25))

    def sample(
        self,
        n: int,
        labels: Any = None,
        context: Any = None,
        image: Any = None,
        guidance: Any = None,
        solver: Solver | None = None,
        steps: int | None = None,
        grid: Grid | None = None,
        interval: tuple[float, float] = (0.0, 1.0),
        trajectory: bool = False,
        seed: int | None = None,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Draws `n` samples in one compiled loop, with the averaged weights where there are any.

        Args:
            n: how many, at least 1.
            labels, context, image: the conditions that the network takes; one for all, or one each.
                Without labels a model trained with label dropout draws from no class in particular.
            guidance: w, a number or `(n,)`; 0 is none. See `denoiser`.
            solver, steps, grid: None: those of `plan`.
            interval: times (low, high) between which guidance acts.
            trajectory: whether to give all steps, from the noise on.
            seed: the same seed gives the same samples; None: fresh ones.
            batch_size: how many at once.

        Returns:
            float32 `(n, ...)`, or `(n, steps + 1, ...)` with `trajectory`.

        Raises:
            ValueError: for conditions that do not fit the model, guidance without label dropout, and
                a solver or a number of steps that the schedule cannot serve.
            FloatingPointError: where the network's output is not finite; it says at which step.
        """
        if n < 1:
            raise ValueError(f"expected n >= 1 samples, got {n}")
        arrays = self._conditions(n, labels, context, image) + self._guidance(n, guidance)
        default = self.plan()
        plan = Plan(
            solver if solver is not None else default.solver,
            default.steps if steps is None else steps,
            grid if grid is not None else default.grid,
            tuple(interval),
            trajectory,
        )
        times = plan.times(self.schedule, self.target)  # mistakes before anything is compiled
        keys = kgen.random.keys(seed, n)
        solution = self.solve(keys, *arrays, plan=plan, batch_size=min(batch_size, n))
        _check_finite(solution.failed, times)
        return solution.samples

    def _guidance(self, n: int, guidance: Any) -> list[np.ndarray]:
        if self.guided:
            weight = np.asarray(0.0 if guidance is None else guidance, dtype="float32")
            return [np.broadcast_to(weight, (n,)).copy()]
        if guidance is not None and np.any(np.asarray(guidance) != 0):
            raise ValueError(
                "guidance needs a model that knows its data without conditions too: train it with "
                "label_dropout=0.1"
            )
        return []


def _check_output(network: keras.Model) -> None:
    expected, got = tuple(network.inputs[0].shape[1:]), tuple(network.output_shape[1:])
    if got != expected:
        raise ValueError(f"expected network outputs of the shape of x, {expected}, got {got}")


def _check_finite(failed: np.ndarray, times: np.ndarray) -> None:
    steps = failed[failed > 0]
    if len(steps):
        step = int(steps.min())
        raise FloatingPointError(
            f"{len(steps)} of {len(failed)} samples are not finite from step {step} of "
            f"{len(times) - 1} on (t = {times[step - 1]:.4g}): the network's output was NaN or "
            "infinite there, or the solver is unstable with so few steps"
        )
