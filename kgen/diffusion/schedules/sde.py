"""The schedules of the score-based stochastic differential equations."""

import math
from dataclasses import dataclass

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.schedules.base import Schedule


class _LinearBeta(Schedule):
    """What VP and sub-VP share: a(t) = exp(-1/2 int_0^t beta), beta linear."""

    beta_min: float
    beta_max: float

    def a(self, t: Tensor) -> Tensor:
        """exp(-B(t) / 2) with B the integral of beta."""
        return ops.exp(-0.5 * self._integral(t))

    def a_rate(self, t: Tensor) -> Tensor:
        """-beta a / 2."""
        return -0.5 * self._beta(t) * self.a(t)

    def _beta(self, t: Tensor) -> Tensor:
        return self.beta_min + t * (self.beta_max - self.beta_min)

    def _integral(self, t: Tensor) -> Tensor:
        return t * self.beta_min + 0.5 * ops.square(t) * (self.beta_max - self.beta_min)

    def _solve(self, integral: Tensor) -> Tensor:
        """The time, at most 1, at which the integral of beta has this value."""
        slope = self.beta_max - self.beta_min
        integral = ops.minimum(integral, 0.5 * (self.beta_min + self.beta_max))
        root = ops.sqrt(self.beta_min**2 + 2.0 * slope * integral)
        return 2.0 * integral / (self.beta_min + root)


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class VP(_LinearBeta):
    """Variance preserving: a^2 + b^2 = 1; the limit of DDPM's linear schedule for many steps.

    Source: "Score-Based Generative Modeling through Stochastic Differential Equations" (Song et al.,
    2021), equations 11 and 33.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0
    first: float = 1e-3

    def b(self, t: Tensor) -> Tensor:
        """sqrt(1 - a^2)."""
        return ops.sqrt(-ops.expm1(-self._integral(t)))

    def b_rate(self, t: Tensor) -> Tensor:
        """-a a' / b."""
        return -self.a(t) * self.a_rate(t) / self.b(t)

    def time_of(self, log_snr: Tensor) -> Tensor:
        """Solves a^2 = exp(-B) = sigmoid(log_snr)."""
        return self._solve(ops.softplus(-log_snr))


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class SubVP(_LinearBeta):
    """Less noise than VP on the way: b = 1 - a^2.

    Source: "Score-Based Generative Modeling through Stochastic Differential Equations" (Song et al.,
    2021), equation 29.
    """

    beta_min: float = 0.1
    beta_max: float = 20.0
    first: float = 1e-3

    def b(self, t: Tensor) -> Tensor:
        """1 - a^2."""
        return -ops.expm1(-self._integral(t))

    def b_rate(self, t: Tensor) -> Tensor:
        """-2 a a'."""
        return -2.0 * self.a(t) * self.a_rate(t)

    def time_of(self, log_snr: Tensor) -> Tensor:
        """Solves b / a = 1 / a - a = 2 sinh(-log a)."""
        return self._solve(2.0 * ops.arcsinh(0.5 * ops.exp(-0.5 * log_snr)))


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class VE(Schedule):
    """Variance exploding: a = 1, b = sigma_min (sigma_max / sigma_min)^t.

    There is noise of sigma_min at t = 0 already: data within it cannot be told apart.

    Source: "Score-Based Generative Modeling through Stochastic Differential Equations" (Song et al.,
    2021), equation 31.
    """

    sigma_min: float = 0.01
    sigma_max: float = 50.0
    first: float = 0.0

    def a(self, t: Tensor) -> Tensor:
        """1."""
        return ops.ones_like(t)

    def b(self, t: Tensor) -> Tensor:
        """sigma_min (sigma_max / sigma_min)^t."""
        return self.sigma_min * ops.exp(self._rate * t)

    def a_rate(self, t: Tensor) -> Tensor:
        """0."""
        return ops.zeros_like(t)

    def b_rate(self, t: Tensor) -> Tensor:
        """b log(sigma_max / sigma_min)."""
        return self._rate * self.b(t)

    def log_snr(self, t: Tensor) -> Tensor:
        """-2 log b."""
        return -2.0 * (math.log(self.sigma_min) + self._rate * t)

    def time_of(self, log_snr: Tensor) -> Tensor:
        """Solves log_snr = -2 log b."""
        return ops.clip((-0.5 * log_snr - math.log(self.sigma_min)) / self._rate, 0.0, 1.0)

    @property
    def _rate(self) -> float:
        return math.log(self.sigma_max / self.sigma_min)
