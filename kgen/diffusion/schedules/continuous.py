"""The schedules in closed form."""

import math
from dataclasses import dataclass

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.schedules.base import Schedule


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class FlowMatching(Schedule):
    """The straight path: a = 1 - t, b = t.

    Source: "Flow Matching for Generative Modeling" (Lipman et al., 2023), equation 22 with
    sigma_min = 0 and time turned round; "Flow Straight and Fast" (Liu et al., 2023), equation 1.

    >>> float(FlowMatching().a(ops.convert_to_tensor(0.25)))
    0.75
    """

    def a(self, t: Tensor) -> Tensor:
        """1 - t."""
        return 1.0 - t

    def b(self, t: Tensor) -> Tensor:
        """Equal to t."""
        return 1.0 * t

    def a_rate(self, t: Tensor) -> Tensor:
        """-1."""
        return -ops.ones_like(t)

    def b_rate(self, t: Tensor) -> Tensor:
        """1."""
        return ops.ones_like(t)

    def time_of(self, log_snr: Tensor) -> Tensor:
        """Solves log_snr = 2 log((1 - t) / t)."""
        return ops.sigmoid(-0.5 * log_snr)


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Trigonometric(Schedule):
    """A quarter of a circle: a = cos(pi t / 2), b = sin(pi t / 2).

    Source: "Stochastic Interpolants" (Albergo et al., 2023), section 4; "Progressive Distillation"
    (Salimans and Ho, 2022), section 4.
    """

    def a(self, t: Tensor) -> Tensor:
        """cos(pi t / 2), written so that it is 0 at t = 1 in float32 too."""
        return ops.sin(0.5 * math.pi * (1.0 - t))

    def b(self, t: Tensor) -> Tensor:
        """sin(pi t / 2)."""
        return ops.sin(0.5 * math.pi * t)

    def a_rate(self, t: Tensor) -> Tensor:
        """-pi / 2 b."""
        return -0.5 * math.pi * self.b(t)

    def b_rate(self, t: Tensor) -> Tensor:
        """pi / 2 a."""
        return 0.5 * math.pi * self.a(t)

    def time_of(self, log_snr: Tensor) -> Tensor:
        """Solves log_snr = -2 log tan(pi t / 2)."""
        return 2.0 / math.pi * ops.arctan(ops.exp(-0.5 * log_snr))


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Cosine(Schedule):
    """a = cos(u(t)) / cos(u(0)), b^2 = 1 - a^2, with u(t) = pi/2 (t + s) / (1 + s).

    Args:
        offset: s, which keeps the first steps from being too small.

    Source: "Improved Denoising Diffusion Probabilistic Models" (Nichol and Dhariwal, 2021),
    equation 17; their a^2 is our a^2. Its T-step form is `DDPM.cosine`.
    """

    offset: float = 0.008

    def a(self, t: Tensor) -> Tensor:
        """cos(u(t)) / cos(u(0)), written so that it is 0 at t = 1 in float32 too."""
        return ops.sin(self._speed * (1.0 - t)) / math.cos(self._start)

    def b(self, t: Tensor) -> Tensor:
        """sqrt(1 - a^2), written without a difference of nearly equal numbers."""
        # cos^2 v - cos^2 u = sin(u - v) sin(u + v)
        moved = self._speed * t
        squared = ops.sin(moved) * ops.sin(moved + 2.0 * self._start)
        return ops.sqrt(squared) / math.cos(self._start)

    def a_rate(self, t: Tensor) -> Tensor:
        """-u' sin(u) / cos(u(0))."""
        return -self._speed * ops.sin(self._speed * t + self._start) / math.cos(self._start)

    def b_rate(self, t: Tensor) -> Tensor:
        """-a a' / b, from a^2 + b^2 = 1."""
        return -self.a(t) * self.a_rate(t) / self.b(t)

    def time_of(self, log_snr: Tensor) -> Tensor:
        """Solves a^2 = sigmoid(log_snr), by the tangent of u, which is well-behaved at both ends."""
        a_squared, b_squared = ops.sigmoid(log_snr), ops.sigmoid(-log_snr)
        cosine, sine = math.cos(self._start), math.sin(self._start)
        opposite = ops.sqrt(sine**2 + cosine**2 * b_squared)
        angle = ops.arctan2(opposite, cosine * ops.sqrt(a_squared))
        return ops.clip((angle - self._start) / self._speed, 0.0, 1.0)

    @property
    def _speed(self) -> float:
        return 0.5 * math.pi / (1.0 + self.offset)

    @property
    def _start(self) -> float:
        return self._speed * self.offset


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class EDM(Schedule):
    """No scaling, noise that grows linearly: a = 1, b = sigma_max t.

    With the grid `Karras` and the target `F` this is the design of the paper.

    Args:
        sigma_min: the smallest noise, where the grid ends before data.
        sigma_max: the noise at t = 1.

    Source: "Elucidating the Design Space of Diffusion-Based Generative Models" (Karras et al., 2022),
    table 1, last column.
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0

    @property
    def first(self) -> float:
        """The time of sigma_min."""
        return self.sigma_min / self.sigma_max

    def a(self, t: Tensor) -> Tensor:
        """1."""
        return ops.ones_like(t)

    def b(self, t: Tensor) -> Tensor:
        """sigma_max t."""
        return self.sigma_max * t

    def a_rate(self, t: Tensor) -> Tensor:
        """0."""
        return ops.zeros_like(t)

    def b_rate(self, t: Tensor) -> Tensor:
        """sigma_max."""
        return self.sigma_max * ops.ones_like(t)

    def time_of(self, log_snr: Tensor) -> Tensor:
        """Solves log_snr = -2 log(sigma_max t)."""
        return ops.minimum(ops.exp(-0.5 * log_snr) / self.sigma_max, 1.0)
