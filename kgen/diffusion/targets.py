"""What the network predicts, and how one prediction becomes another.

A target is y = c(t) x + d(t) z. Together with x_t = a(t) x + b(t) z it determines x and z,

    x = (d x_t - b y) / (a d - b c),        z = (a y - c x_t) / (a d - b c),

so a network trained on any target runs under any solver.
"""

from dataclasses import dataclass

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.core.record import Record
from kgen.diffusion.schedules.base import Schedule, like


class Target(Record):
    """The base of the targets: `coefficients` says all."""

    def coefficients(self, schedule: Schedule, t: Tensor) -> tuple[Tensor, Tensor]:
        """c(t) and d(t), float32 tensors of the shape of t."""
        raise NotImplementedError

    def make(self, schedule: Schedule, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """c(t) x + d(t) z for examples `(batch, ...)` and times `(batch,)` or a scalar."""
        c, d = self.coefficients(schedule, t)
        return like(c, x) * x + like(d, x) * noise

    def solve(self, schedule: Schedule, x_t: Tensor, y: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """The data and the noise, from noisy examples x_t and a prediction y, `(batch, ...)` each.

        Where the target says nothing of one of them (noise, at a time without data), that one is
        infinite or NaN: `Schedule.first` and `last_time` keep solvers away from there.
        """
        c, d = self.coefficients(schedule, t)
        a, b = schedule.a(t), schedule.b(t)
        determinant = a * d - b * c
        x = like(d / determinant, x_t) * x_t - like(b / determinant, x_t) * y
        noise = like(a / determinant, x_t) * y - like(c / determinant, x_t) * x_t
        return x, noise

    def error_scale(self, schedule: Schedule, t: Tensor) -> Tensor:
        """|dy| / |dx|: how an error of the predicted data shows in the target at the same x_t."""
        c, d = self.coefficients(schedule, t)
        return ops.abs(c - d * schedule.a(t) / schedule.b(t))

    def last_time(self, schedule: Schedule) -> float:
        """The latest time at which the target tells what the data are."""
        return schedule.last


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Data(Target):
    """y = x. Source: "Denoising Diffusion Probabilistic Models" (Ho et al., 2020), section 3.2."""

    def coefficients(self, schedule: Schedule, t: Tensor) -> tuple[Tensor, Tensor]:
        """1 and 0."""
        return ops.ones_like(t), ops.zeros_like(t)


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Noise(Target):
    """y = z. Source: "Denoising Diffusion Probabilistic Models" (Ho et al., 2020), equation 14.

    At a time without data it tells nothing of them: solvers start where log-SNR is -9.
    """

    def coefficients(self, schedule: Schedule, t: Tensor) -> tuple[Tensor, Tensor]:
        """0 and 1."""
        return ops.zeros_like(t), ops.ones_like(t)

    def last_time(self, schedule: Schedule) -> float:
        """Where a / b = 0.011, or the schedule's own end."""
        if schedule.data_left():
            return schedule.last
        return min(schedule.last, float(schedule.time_of(ops.convert_to_tensor(_LEAST_LOG_SNR))))


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class V(Target):
    """y = a z - b x, which is well-behaved at both ends.

    Source: "Progressive Distillation for Fast Sampling of Diffusion Models" (Salimans and Ho, 2022),
    appendix D.
    """

    def coefficients(self, schedule: Schedule, t: Tensor) -> tuple[Tensor, Tensor]:
        """-b and a."""
        return -schedule.b(t), schedule.a(t)


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Velocity(Target):
    """y = a' x + b' z = dx_t/dt: what flow matching learns.

    Source: "Flow Matching for Generative Modeling" (Lipman et al., 2023), equations 8 and 15.
    """

    def coefficients(self, schedule: Schedule, t: Tensor) -> tuple[Tensor, Tensor]:
        """a' and b'."""
        return schedule.a_rate(t), schedule.b_rate(t)


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Score(Noise):
    """y = -z / b, whose mean is the gradient of log p(x_t).

    Source: "A Connection Between Score Matching and Denoising Autoencoders" (Vincent, 2011),
    equation 11; "Generative Modeling by Estimating Gradients of the Data Distribution" (Song and
    Ermon, 2019), equation 4.
    """

    def coefficients(self, schedule: Schedule, t: Tensor) -> tuple[Tensor, Tensor]:
        """0 and -1 / b."""
        return ops.zeros_like(t), -1.0 / schedule.b(t)


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class F(Target):
    """EDM's target, which has unit variance at every noise level.

        F = (x - c_skip x_t / a) / c_out,   c_skip = s^2 / (s^2 + r^2),   c_out = r s / sqrt(s^2 + r^2)

    with r = b / a the noise, and s the standard deviation of the data.

    Args:
        data_std: s.

    Source: "Elucidating the Design Space of Diffusion-Based Generative Models" (Karras et al., 2022),
    equation 8 and table 1.
    """

    data_std: float = 0.5

    def coefficients(self, schedule: Schedule, t: Tensor) -> tuple[Tensor, Tensor]:
        """(r / s) / sqrt(s^2 + r^2) and -s / sqrt(s^2 + r^2), both multiplied out by a."""
        a, b, s = schedule.a(t), schedule.b(t), self.data_std
        root = ops.sqrt(ops.square(s * a) + ops.square(b))
        return b / (s * root), -s * a / root


_LEAST_LOG_SNR = -9.0
