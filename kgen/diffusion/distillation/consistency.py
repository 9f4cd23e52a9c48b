"""Consistency models: the same data predicted from every point of a path, and so in one step."""

import math
from typing import Any, Self

import keras
from keras import ops

import kgen.random
from kgen import backend
from kgen.backend import Tensor
from kgen.diffusion.distillation.student import Student, frozen, settings, student_network
from kgen.diffusion.model import Diffusion, without_noise
from kgen.diffusion.precondition import Precondition
from kgen.diffusion.sampling import Plan
from kgen.diffusion.schedules import Schedule
from kgen.diffusion.schedules.base import like
from kgen.diffusion.solvers.renoise import Renoise
from kgen.diffusion.targets import Target
from kgen.diffusion.times import Times


@keras.saving.register_keras_serializable("kgen")
class ConsistencyModel(Student):
    """Learns f(x_t, t), the data at the end of the path through x_t, by agreeing with itself.

    f is the data that the target tells, which at t = 0 is x_t itself whatever the network says. The
    loss compares it at t with itself, without gradient, at an earlier s = (1 - gap) t on the path,

        E 1 / (t - s) (sqrt(|f(x_t, t) - f'(x_s, s)|^2 + c^2) - c),      c = huber sqrt(dimensions).

    Without a teacher x_s has the data and the noise of x_t (consistency training); with one it is
    where the teacher's DDIM step from x_t ends (consistency distillation). The gap begins at 1, where
    the loss is that of a denoiser, and is halved every `halve_every` training steps: start from a
    trained denoiser's weights, as `of` does, or train for longer.

    `save` writes the teacher and the number of steps taken too, so that training can go on.

    Args:
        network: of the model.
        teacher: None, or a network of the same inputs and output; a frozen copy is kept.
        gap: the smallest, in (0, 1].
        halve_every: training steps before the gap is halved.
        huber: c per root of the dimensions.
        target_decay: None: f' is the network itself; or the decay of its average, which then is f'.
        schedule, target, times, precondition, classes, label_dropout, clip, ema_decay: as for
            `kgen.Diffusion`; the target must tell the data at t = 1.

    Raises ValueError for a schedule that has noise at t = 0, and numbers out of range.

    Source: "Consistency Models" (Song et al., 2023), algorithms 2 and 3; the loss and its weight from
    "Improved Techniques for Training Consistency Models" (Song and Dhariwal, 2023), section 3; the
    gap, relative to t and halved, from "Consistency Models Made Easy" (Geng et al., 2024), section 3.

    >>> import kgen, numpy
    >>> model = ConsistencyModel(kgen.networks.residual_mlp(2, width=16))
    >>> model.compile("adam")
    >>> history = model.fit(numpy.ones((8, 2), "float32"), verbose=0)
    >>> model.sample(5, steps=1, seed=0).shape
    (5, 2)
    """

    def __init__(
        self,
        network: keras.Model,
        teacher: keras.Model | None = None,
        gap: float = 1 / 128,
        halve_every: int = 500,
        huber: float = 0.00054,
        target_decay: float | None = None,
        schedule: Schedule | None = None,
        target: Target | None = None,
        times: Times | None = None,
        precondition: Precondition | None = None,
        classes: int | None = None,
        label_dropout: float = 0.0,
        clip: tuple[float, float] | None = None,
        ema_decay: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            network,
            schedule=schedule,
            target=target,
            times=times,
            precondition=precondition,
            classes=classes,
            label_dropout=label_dropout,
            clip=clip,
            ema_decay=ema_decay,
            **kwargs,
        )
        _check(self.schedule, gap, halve_every, huber)
        self.teacher = frozen(teacher, network) if teacher is not None else None
        self.gap = gap
        self.halve_every = halve_every
        self.huber = huber
        self.target_decay = target_decay
        self.target_ema = self.average(network, target_decay)
        self.updates = self.add_weight(
            shape=(), dtype="int", trainable=False, initializer="zeros", name="updates"
        )

    @classmethod
    def of(
        cls,
        model: Diffusion,
        distill: bool = True,
        gap: float = 1 / 128,
        halve_every: int = 500,
        huber: float = 0.00054,
        target_decay: float | None = None,
        ema_decay: float | None = None,
    ) -> Self:
        """Makes a consistency model that starts from the weights of a trained model.

        Args:
            model: the teacher.
            distill: whether it goes on teaching; else its weights are just the beginning.
            gap, halve_every, huber, target_decay, ema_decay: as for the class.
        """
        network = student_network(model)
        return cls(
            network,
            network if distill else None,
            gap,
            halve_every,
            huber,
            target_decay,
            times=model.times,
            ema_decay=ema_decay,
            **settings(model),
        )

    def losses_of(self, x: Tensor, condition: Any, keys: Tensor, training: bool = False) -> Tensor:
        """The weighted distance of f at two points of each example's path, float32 `(batch,)`."""
        x = ops.cast(x, "float32")
        named = self.conditions.of_batch(without_noise(condition))
        if training:
            named = self.conditions.dropped(named, self.label_dropout, kgen.random.fold_in(keys, 2))
        t = self.times.sample(self.schedule, kgen.random.fold_in(keys, 0))
        s = (1.0 - self.present_gap()) * t
        noise = kgen.random.normal(kgen.random.fold_in(keys, 1), tuple(x.shape[1:]))
        x_t = self.schedule.mix(x, noise, t)
        if self.teacher is not None:
            x_s = self.teach(x_t, t, s, named)
        else:
            x_s = self.schedule.mix(x, noise, s)
        wanted = ops.stop_gradient(self._agreed(x_s, s, named))
        data, _ = self.denoise(self.network, x_t, t, named, training)
        return self._distance(data - wanted) / (t - s)

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Takes one step, and counts it."""
        logs = super().train_step(data)
        self.updates.assign(self.updates + 1)
        return logs

    def present_gap(self) -> Tensor:
        """The gap after the steps taken so far, a float32 scalar: max(2^-floor(k / every), gap)."""
        halvings = ops.floor(ops.cast(self.updates, "float32") / self.halve_every)
        return ops.maximum(ops.power(0.5, halvings), self.gap)

    def plan(self) -> Plan:
        """Two steps: to the data, back to half the time, and to the data again."""
        return Plan(Renoise(), steps=2)

    def _agreed(self, x: Tensor, s: Tensor, named: dict[str, Tensor]) -> Tensor:
        """f'(x_s, s); at s = 0, where a target's formula may be 0 / 0, x_s itself."""
        network = self.network if self.target_ema is None else self.target_ema.average
        data, _ = self.denoise(network, x, s, named)
        return ops.where(like(s, x) > 0, data, x)

    def _distance(self, difference: Tensor) -> Tensor:
        flat = ops.reshape(difference, (ops.shape(difference)[0], -1))
        c = self.huber * math.sqrt(math.prod(self.data_shape))
        return ops.sqrt(ops.sum(ops.square(flat), axis=-1) + c**2) - c


def _check(schedule: Schedule, gap: float, halve_every: int, huber: float) -> None:
    if not 0.0 < gap <= 1.0 or halve_every < 1 or huber <= 0.0:
        raise ValueError(
            f"expected gap in (0, 1], halve_every >= 1 and huber > 0, got {gap}, {halve_every}, {huber}"
        )
    with backend.concrete():
        if float(schedule.b(ops.zeros(()))) > 0.0:
            raise ValueError(
                f"{type(schedule).__name__} has noise at t = 0, where a consistency model gives x_t "
                "back: use EDM()"
            )
