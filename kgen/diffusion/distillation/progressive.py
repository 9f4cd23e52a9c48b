"""Progressive distillation: a student that does in one step what its teacher does in two."""

from typing import Any, Self

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.diffusion.distillation.student import Student, frozen, settings, student_network
from kgen.diffusion.grids import Grid
from kgen.diffusion.model import Diffusion, without_noise
from kgen.diffusion.precondition import Precondition
from kgen.diffusion.sampling import Plan
from kgen.diffusion.schedules import Schedule
from kgen.diffusion.schedules.base import like
from kgen.diffusion.solvers import DDIM
from kgen.diffusion.targets import Target
from kgen.diffusion.weights import Weight


@keras.saving.register_keras_serializable("kgen")
class ProgressiveDistillation(Student):
    """Learns to sample in `steps` DDIM steps what its teacher samples in twice as many.

    From x_t the teacher takes two steps, to s. The student's one step arrives there where its data are

        x' = (x_s - (b_s / b_t) x_t) / (a_s - (b_s / b_t) a_t),

    and its target is made of x' and of the noise (x_t - a_t x') / b_t. A student of a student takes
    half as many steps again:

        student = model
        for steps in (16, 8, 4, 2, 1):
            student = ProgressiveDistillation.of(student, steps)
            student.compile("adam")
            student.fit(x)

    `save` writes the teacher too, so that training can go on.

    Args:
        network: of the student; best a copy of the teacher's, which `of` makes.
        teacher: a network of the same inputs and output; a frozen copy is kept.
        steps: of the student.
        grid: where the steps end; None: `Uniform`. That of twice as many steps must have its stops.
        schedule, target, weight, precondition, classes, label_dropout, clip, ema_decay: as for
            `kgen.Diffusion`; the first two are those of the teacher, too. `Noise` is a poor target for
            few steps: at t = 1 it says nothing of the data.

    Raises ValueError for fewer than one step, more than half of those of a discrete schedule, and a
    grid whose steps have no halves.

    Source: "Progressive Distillation for Fast Sampling of Diffusion Models" (Salimans and Ho, 2022),
    algorithm 2.

    >>> import kgen
    >>> model = kgen.Diffusion(kgen.networks.residual_mlp(2, width=16))
    >>> student = ProgressiveDistillation.of(model, steps=2)
    >>> student.compile("adam")
    >>> history = student.fit(np.ones((8, 2), "float32"), verbose=0)
    >>> student.sample(5, seed=0).shape
    (5, 2)
    """

    def __init__(
        self,
        network: keras.Model,
        teacher: keras.Model,
        steps: int,
        grid: Grid | None = None,
        schedule: Schedule | None = None,
        target: Target | None = None,
        weight: Weight | None = None,
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
            weight=weight,
            precondition=precondition,
            classes=classes,
            label_dropout=label_dropout,
            clip=clip,
            ema_decay=ema_decay,
            **kwargs,
        )
        self.teacher = frozen(teacher, network)
        self.steps = steps
        self.grid = grid
        self._stops = self._fine_stops()

    @classmethod
    def of(
        cls, model: Diffusion, steps: int, grid: Grid | None = None, ema_decay: float | None = None
    ) -> Self:
        """Makes the student of a trained model, or of another student, starting from its weights."""
        network = student_network(model)
        return cls(network, network, steps, grid, ema_decay=ema_decay, **settings(model))

    def losses_of(self, x: Tensor, condition: Any, keys: Tensor, training: bool = False) -> Tensor:
        """The weighted squared error of each example's one step, float32 `(batch,)`."""
        x = ops.cast(x, "float32")
        named = self.conditions.of_batch(without_noise(condition))
        if training:
            named = self.conditions.dropped(named, self.label_dropout, kgen.random.fold_in(keys, 2))
        first = 2 * kgen.random.randint(kgen.random.fold_in(keys, 0), 0, self.steps)
        t, middle, s = (ops.take(ops.convert_to_tensor(self._stops), first + i) for i in range(3))
        noise = kgen.random.normal(kgen.random.fold_in(keys, 1), tuple(x.shape[1:]))
        x_t = self.schedule.mix(x, noise, t)
        y = ops.stop_gradient(self.two_steps(x_t, t, middle, s, named))
        error = ops.square(self.predict_target(self.network, x_t, t, named, training) - y)
        error = ops.mean(ops.reshape(error, (ops.shape(x)[0], -1)), axis=-1)
        return self.weight(self.schedule, self.target, t) * error

    def two_steps(
        self, x_t: Tensor, t: Tensor, middle: Tensor, s: Tensor, named: dict[str, Tensor]
    ) -> Tensor:
        """The target whose one step from t to s ends where the teacher's two do; times `(batch,)`."""
        x_s = self.teach(self.teach(x_t, t, middle, named), middle, s, named)
        a_t, b_t, a_s, b_s = (
            like(f(time), x_t) for time in (t, s) for f in (self.schedule.a, self.schedule.b)
        )
        data = (x_s - b_s / b_t * x_t) / (a_s - b_s / b_t * a_t)
        return self.target.make(self.schedule, data, (x_t - a_t * data) / b_t, t)

    def plan(self) -> Plan:
        """The steps that were learned, of DDIM."""
        return Plan(DDIM(), self.steps, self.grid)

    def _fine_stops(self) -> np.ndarray:
        """The times at which the teacher stops, `(2 steps + 1,)`; the student's are every second."""
        own = self.plan().times(self.schedule, self.target)
        fine = Plan(DDIM(), 2 * self.steps, self.grid).times(self.schedule, self.target)
        if not np.allclose(fine[::2], own, atol=1e-6):
            raise ValueError(
                f"the stops of {self.steps} steps are not among those of {2 * self.steps}: take "
                "Uniform, Quadratic or Shifted as grid"
            )
        return fine
