"""The diffusion model: any network, schedule, target and solver, and one squared error."""

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen import backend
from kgen.backend import Tensor
from kgen.core import Conditions, GenerativeModel
from kgen.core.check import check_network, check_object
from kgen.diffusion.analytic import AnalyticMixin
from kgen.diffusion.bound import BoundMixin, end_terms
from kgen.diffusion.inpainting import InpaintingMixin
from kgen.diffusion.learned_variance import LearnedVariance
from kgen.diffusion.likelihood import LikelihoodMixin
from kgen.diffusion.pairing import OptimalTransport
from kgen.diffusion.precondition import Precondition
from kgen.diffusion.sampler import SamplerMixin
from kgen.diffusion.sampling import Plan, check_sampler
from kgen.diffusion.schedules import FlowMatching, Schedule
from kgen.diffusion.schedules.base import like
from kgen.diffusion.targets import Target, Velocity
from kgen.diffusion.times import Times, UniformTimes
from kgen.diffusion.weights import Likelihood, Simple, Weight


@keras.saving.register_keras_serializable("kgen")
class Diffusion(
    SamplerMixin, InpaintingMixin, LikelihoodMixin, BoundMixin, AnalyticMixin, GenerativeModel
):
    """Learns to undo noise: with x_t = a(t) x + b(t) z and the target y = c(t) x + d(t) z it minimises

        E w(t) |network(x_t, t) - y|^2.

    DDPM, score matching, flow matching and EDM are rows of one table:

    | | schedule | target | times | weight | precondition |
    |---|---|---|---|---|---|
    | flow matching | `FlowMatching()` | `Velocity()` | `UniformTimes()` | `Simple()` | None |
    | DDPM | `DDPM.linear()` | `Noise()` | `UniformTimes()` | `Simple()` | None |
    | v-prediction | `Cosine()` | `V()` | `UniformTimes()` | `Simple()` | None |
    | NCSN | `NCSN()` | `Score()` | `UniformTimes()` | `ScoreMatching()` | None |
    | score SDE | `VP()`, `SubVP()`, `VE()` | `Noise()` | `UniformTimes()` | `Simple()` | None |
    | VDM | `LearnedSchedule()` | `Noise()` | `UniformTimes()` | `Likelihood()` | `Precondition()` |
    | EDM | `EDM()` | `F()` | `LogNormalNoise()` | `Simple()` | `Precondition()` |

    Args:
        network: a functional model of [x, t, ...] with inputs named as `kgen.networks.unet` names
            them; output of the shape of x, or of twice its channels for a learned variance.
        schedule: a(t) and b(t); None: `FlowMatching()`.
        target: what the network predicts; None: `Velocity()`.
        times: which times training looks at; None: `UniformTimes()`.
        weight: w(t); None: `Simple()`.
        precondition: what the network sees in place of x_t and t; None: these themselves.
        variance: None; or `LearnedVariance()`, for `Ancestral("learned")` and `bound`.
        pairing: None: examples and noise meet by chance; or `OptimalTransport()`.
        classes: how many labels there are, where the network takes labels.
        label_dropout: how often training hides labels and context; above 0 for guidance.
        clip: None, or the range (low, high) to which solvers clip the predicted data, and the samples.
        ema_decay: None, or the decay of an average of the network, which samples are drawn from.
        sampler: how `generate` and the exported model sample, and `sample` unless it is told; None:
            25 steps of Heun's method.

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
        variance: LearnedVariance | None = None,
        pairing: OptimalTransport | None = None,
        classes: int | None = None,
        label_dropout: float = 0.0,
        clip: tuple[float, float] | None = None,
        ema_decay: float | None = None,
        sampler: Plan | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_network("network", network)
        check_object("schedule", schedule, "kgen.diffusion.Cosine()")
        check_object("target", target, "kgen.diffusion.V()")
        check_object("times", times, "kgen.diffusion.LogitNormal()")
        check_object("weight", weight, "kgen.diffusion.MinSNR()")
        check_object("precondition", precondition, "kgen.diffusion.Precondition()")
        check_object("variance", variance, "kgen.diffusion.LearnedVariance()")
        check_object("pairing", pairing, "kgen.diffusion.OptimalTransport()")
        check_sampler(sampler)
        self.network = network
        self.schedule = schedule if schedule is not None else FlowMatching()
        self.target = target if target is not None else Velocity()
        self.times = times if times is not None else UniformTimes()
        self.weight = weight if weight is not None else Simple()
        self.precondition = precondition
        self.variance = variance
        self.pairing = pairing
        self.classes = classes
        self.label_dropout = label_dropout
        self.clip = tuple(clip) if isinstance(clip, Iterable) else clip
        self.ema_decay = ema_decay
        self.sampler = sampler
        _check_inputs(network)
        self.conditions = Conditions.of(network, first=2, classes=classes, no_label=True)
        _check(self)
        self.ema = self.average(network, ema_decay)
        decay = ema_decay if self.schedule.learned else None
        self.schedule_ema = self.average(self.schedule, decay, "schedule_ema")
        self.track("loss")

    @property
    def data_shape(self) -> tuple[int | None, ...]:
        """The shape of one example."""
        return tuple(self.network.inputs[0].shape[1:])

    def ends(self) -> tuple[float, float]:
        """The first and the last time at which the score and the velocity are finite."""
        with backend.concrete():
            return max(self.schedule.first, 1e-4), self.target.last_time(self.schedule)

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Maps [x_t, t, ...] to the target, with the weights of the last step.

        Raises ValueError for other inputs than those of the network.
        """
        names = ("x_t", "t", *self.conditions.names)
        given = len(inputs) if isinstance(inputs, list | tuple) else 1
        if given != len(names):
            raise ValueError(
                f"expected [{', '.join(names)}], got {given} of these {len(names)}: a diffusion model "
                "is called on noisy examples and their times; `sample` draws new ones"
            )
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
        """Runs a network on noisy examples `(batch, ...)` at times `(batch,)`: the target, float32."""
        return self.outputs_of(network, x, t, named, training)[0]

    def outputs_of(
        self,
        network: keras.Layer,
        x: Tensor,
        t: Tensor,
        named: dict[str, Tensor],
        training: bool = False,
        schedule: Schedule | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Gives the target, and v of a learned variance or None; see `predict_target`.

        The schedule is what the precondition asks; None: the model's own, not its average.
        """
        time = t
        if self.precondition is not None:
            schedule = self.schedule if schedule is None else schedule
            x = like(self.precondition.scale(schedule, t), x) * x
            time = self.precondition.time(schedule, t)
        inputs = [x, time, *(named[name] for name in self.conditions.names)]
        outputs = ops.cast(network(inputs, training=training), "float32")
        return (outputs, None) if self.variance is None else tuple(ops.split(outputs, 2, axis=-1))

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
        noise = self._noise(x, condition, keys)
        named = self.conditions.of_batch(without_noise(condition))
        if training:
            named = self.conditions.dropped(named, self.label_dropout, kgen.random.fold_in(keys, 3))
        y = self.target.make(self.schedule, x, noise, t)
        x_t = self.schedule.mix(x, noise, t)
        predicted, v = self.outputs_of(self.network, x_t, t, named, training)
        error = ops.square(predicted - y)
        weight = self.weight(self.schedule, self.target, t)
        if self.weight.integral:
            weight = weight / self.times.density(self.schedule, t)
        loss = weight * _mean(error)
        if self.schedule.learned:
            loss = loss + self.schedule.scatter(loss, t)
            noise = kgen.random.normal(kgen.random.fold_in(keys, 4), tuple(x.shape[1:]))
            terms = end_terms(self.schedule, x, noise, self.ends(), self.weight.levels)
            loss = loss + sum(terms) / math.prod(x.shape[1:])
        if self.variance is not None:
            # no error of the target may be an infinite one of the data, also where it does not count
            scale = ops.maximum(self.target.error_scale(self.schedule, t), 1e-10)
            error = error / like(ops.square(scale), error)  # of the data
            bound = self.variance.loss(self.schedule, error, v, t, self.ends())
            loss = loss + bound / self.times.density(self.schedule, t)
        return loss

    def _noise(self, x: Tensor, condition: Any, keys: Tensor) -> Tensor:
        """The noise that each example meets: given, fresh, or paired."""
        if isinstance(condition, dict) and "noise" in condition:
            noise = ops.cast(condition["noise"], "float32")
        else:
            noise = kgen.random.normal(kgen.random.fold_in(keys, 1), tuple(x.shape[1:]))
        if self.pairing is None:
            return noise
        return ops.stop_gradient(self.pairing(x, noise, kgen.random.fold_in(keys, 2)))

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Takes one step down the squared error."""
        x, condition = self.unpack(data)
        keys = self.random.next_keys(like=x)
        loss = self.minimize(lambda: ops.mean(self.losses_of(x, condition, keys, training=True)))
        return self.update_metrics(loss=loss)

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Evaluates the squared error."""
        x, condition = self.unpack(data)
        return self.update_metrics(loss=self.losses_of(x, condition, self.random.next_keys(like=x)))

    def check_data(self, x: np.ndarray, y: Any = None) -> None:
        """Looks at the examples and the conditions."""
        super().check_data(x, without_noise(y))


def without_noise(condition: Any) -> Any:
    """The conditions of a batch, but for the "noise" that reflow gives along with them."""
    if not isinstance(condition, dict):
        return condition
    return {name: value for name, value in condition.items() if name != "noise"}


def _check_inputs(network: keras.Model) -> None:
    names = [tensor.name for tensor in network.inputs]
    if names[:2] != ["x", "t"]:
        raise ValueError(
            "expected a network with inputs named x, t, and then its conditions (as kgen.networks.unet "
            f"makes it), got {names}"
        )


def _check(model: Diffusion) -> None:
    if not 0.0 <= model.label_dropout < 1.0:
        raise ValueError(f"expected label_dropout in [0, 1), got {model.label_dropout}")
    if model.label_dropout and not model.conditions.can_drop:
        raise ValueError(
            f"label_dropout is {model.label_dropout}, and the network takes neither labels nor a "
            "context: build it with classes=..., or leave label_dropout out"
        )
    if model.clip is not None and not _is_range(model.clip):
        raise ValueError(f"expected clip=(low, high) with low < high, got {model.clip}")
    fits = isinstance(model.weight, Likelihood) and isinstance(model.times, UniformTimes)
    if model.schedule.learned and not fits:
        raise ValueError(
            f"{type(model.schedule).__name__} is trained by the bound, at uniform times: give "
            "weight=Likelihood() and times=UniformTimes()"
        )
    if model.variance is not None:
        model.variance.chain(model.schedule)
    _check_output(model.network, 1 if model.variance is None else 2)


def _is_range(clip: Any) -> bool:
    return isinstance(clip, tuple) and len(clip) == 2 and clip[0] < clip[1]


def _check_output(network: keras.Model, copies: int) -> None:
    *spatial, channels = network.inputs[0].shape[1:]
    expected, got = (*spatial, copies * channels), tuple(network.output_shape[1:])
    if got != expected:
        shape = "the shape of x" if copies == 1 else "twice the channels of x, for a learned variance"
        raise ValueError(f"expected network outputs of {shape}, {expected}, got {got}")


def _mean(x: Tensor) -> Tensor:
    return ops.mean(ops.reshape(x, (ops.shape(x)[0], -1)), axis=-1)
