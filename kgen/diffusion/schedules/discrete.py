"""The schedules of T steps."""

import functools
import math
from dataclasses import dataclass
from typing import Self

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.schedules.base import Schedule


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class DDPM(Schedule):
    """T steps of growing noise; step k of 1 ... T is the time t = k / T.

    In between, log a^2 is linear in t, so that every solver may use the times that it likes.

    Args:
        betas: the share of variance that each step adds, T numbers in (0, 1).

    Raises ValueError for no betas, or one outside (0, 1).

    Source: "Denoising Diffusion Probabilistic Models" (Ho et al., 2020), equations 2 and 4, with
    a^2 = alpha bar.

    >>> schedule = DDPM.linear(1000)
    >>> schedule.steps
    1000
    >>> round(float(schedule.a(ops.convert_to_tensor(1.0))) ** 2, 7)  # alpha bar of the last step
    4.04e-05
    """

    betas: tuple[float, ...]

    def __post_init__(self) -> None:
        """Checks the betas."""
        if not self.betas or not all(0.0 < beta < 1.0 for beta in self.betas):
            raise ValueError(
                "expected betas as a tuple of numbers in (0, 1), one for each of at least 1 step, got "
                f"{self.betas[:3]}"
            )

    @classmethod
    def linear(cls, steps: int = 1000, start: float = 1e-4, stop: float = 0.02) -> Self:
        """Betas that grow linearly, those of the paper."""
        return cls(tuple(np.linspace(start, stop, steps).tolist()))

    @classmethod
    def cosine(cls, steps: int = 1000, offset: float = 0.008, largest: float = 0.999) -> Self:
        """The cosine schedule in steps.

        Source: "Improved Denoising Diffusion Probabilistic Models" (Nichol and Dhariwal, 2021),
        section 3.2.
        """
        u = (np.arange(steps + 1) / max(steps, 1) + offset) / (1.0 + offset)
        alpha_bar = np.cos(0.5 * math.pi * u) ** 2
        return cls(tuple(np.minimum(1.0 - alpha_bar[1:] / alpha_bar[:-1], largest).tolist()))

    @property
    def steps(self) -> int:
        """T."""
        return len(self.betas)

    @property
    def first(self) -> float:
        """The time of step 1."""
        return 1.0 / self.steps

    def a(self, t: Tensor) -> Tensor:
        """The root of alpha bar."""
        return ops.exp(0.5 * self._log_alpha_bar(t))

    def b(self, t: Tensor) -> Tensor:
        """The root of 1 - alpha bar."""
        return ops.sqrt(-ops.expm1(self._log_alpha_bar(t)))

    def a_rate(self, t: Tensor) -> Tensor:
        """a times half the slope of log alpha bar."""
        return 0.5 * self._slope(t) * self.a(t)

    def b_rate(self, t: Tensor) -> Tensor:
        """-a a' / b."""
        return -self.a(t) * self.a_rate(t) / self.b(t)

    def time_of(self, log_snr: Tensor) -> Tensor:
        """Solves a^2 = sigmoid(log_snr) on the line between two steps."""
        wanted = ops.softplus(-log_snr)  # -log alpha bar
        table = -_log_alpha_bars(self.betas)
        index = ops.searchsorted(ops.convert_to_tensor(table), ops.reshape(wanted, (-1,)))
        index = ops.reshape(
            ops.clip(ops.cast(index, "int32") - 1, 0, self.steps - 1), ops.shape(wanted)
        )
        low, high = self._at(-table, index), self._at(-table, index + 1)
        fraction = ops.clip((wanted + low) / (low - high), 0.0, 1.0)
        return (ops.cast(index, "float32") + fraction) / self.steps

    def _log_alpha_bar(self, t: Tensor) -> Tensor:
        index, fraction = self._segment(t)
        table = _log_alpha_bars(self.betas)
        low, high = self._at(table, index), self._at(table, index + 1)
        return low + fraction * (high - low)

    def _slope(self, t: Tensor) -> Tensor:
        index, _ = self._segment(t)
        table = _log_alpha_bars(self.betas)
        return (self._at(table, index + 1) - self._at(table, index)) * self.steps

    def _segment(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """The number of the step that begins before t, and how far t is into it."""
        position = ops.clip(t, 0.0, 1.0) * self.steps
        # Both segments at k / T agree there, but a compiler may round twice, and differently: then
        # the number would be of one and the fraction of the other.
        node = ops.round(position)
        position = ops.where(ops.abs(position - node) < 3e-7 * self.steps, node, position)
        index = ops.clip(ops.floor(position), 0.0, self.steps - 1.0)
        return ops.cast(index, "int32"), position - index

    @staticmethod
    def _at(table: np.ndarray, index: Tensor) -> Tensor:
        return ops.take(ops.convert_to_tensor(table), index, axis=0)


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class NCSN(Schedule):
    """Levels of noise in a geometric row: a = 1, and b = sigma_min r^(k - 1) at level k.

    Level k of 1 ... levels is the time t = k / levels. In between b is geometric too, and from level 1
    to data at t = 0 it is linear. With the target `Score`, the weight `ScoreMatching` and the solver
    `AnnealedLangevin` in as many steps as there are levels, this is the paper's model.

    Args:
        levels: how many, L in the paper, at least 2.
        sigma_min, sigma_max: of level 1 and of the last one, which should be as large as the largest
            distance between two examples.

    Raises ValueError for less than two levels, and for sigmas that do not grow.

    Source: "Generative Modeling by Estimating Gradients of the Data Distribution" (Song and Ermon,
    2019), section 4.1; "Improved Techniques for Training Score-Based Generative Models" (Song and
    Ermon, 2020), technique 1, for sigma_max.

    >>> schedule = NCSN(levels=3, sigma_min=0.01, sigma_max=1.0)
    >>> [round(float(schedule.b(ops.convert_to_tensor(k / 3))), 4) for k in (1, 2, 3)]
    [0.01, 0.1, 1.0]
    """

    levels: int = 10
    sigma_min: float = 0.01
    sigma_max: float = 1.0

    def __post_init__(self) -> None:
        """Checks the numbers."""
        if self.levels < 2 or not 0.0 < self.sigma_min < self.sigma_max:
            raise ValueError(
                "expected levels >= 2 and 0 < sigma_min < sigma_max, got "
                f"{self.levels}, {self.sigma_min} and {self.sigma_max}"
            )

    @property
    def steps(self) -> int:
        """The number of levels."""
        return self.levels

    @property
    def first(self) -> float:
        """The time of level 1."""
        return 1.0 / self.levels

    def a(self, t: Tensor) -> Tensor:
        """1."""
        return ops.ones_like(t)

    def b(self, t: Tensor) -> Tensor:
        """sigma_min r^(t levels - 1), below level 1 sigma_min t levels."""
        k = t * self.levels
        growth = ops.exp(self._log_ratio * ops.maximum(k - 1.0, 0.0))
        return self.sigma_min * growth * ops.minimum(k, 1.0)

    def a_rate(self, t: Tensor) -> Tensor:
        """0."""
        return ops.zeros_like(t)

    def b_rate(self, t: Tensor) -> Tensor:
        """b levels log r, below level 1 sigma_min levels."""
        geometric = self._log_ratio * self.b(t)
        return self.levels * ops.where(t >= self.first, geometric, self.sigma_min)

    def time_of(self, log_snr: Tensor) -> Tensor:
        """Solves log_snr = -2 log b."""
        log_growth = -0.5 * log_snr - math.log(self.sigma_min)
        k = ops.minimum(ops.exp(log_growth), 1.0) + ops.maximum(log_growth, 0.0) / self._log_ratio
        return ops.minimum(k / self.levels, 1.0)

    @property
    def _log_ratio(self) -> float:
        return math.log(self.sigma_max / self.sigma_min) / (self.levels - 1)


@functools.lru_cache(maxsize=16)
def _log_alpha_bars(betas: tuple[float, ...]) -> np.ndarray:
    """log alpha bar of the steps 0 ... T, summed in float64."""
    return np.concatenate([[0.0], np.cumsum(np.log1p(-np.array(betas)))]).astype("float32")
