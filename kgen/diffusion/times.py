"""Which times training looks at.

An object draws times in (0, 1) from keys and knows the density from which it draws, so that a
weighted loss can be an integral over another one.
"""

import math
from dataclasses import dataclass

import keras
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.core.record import Record
from kgen.diffusion.schedules.base import Schedule


class Times(Record):
    """The base of the time distributions: the image of uniform numbers under `quantile`.

    low_discrepancy: one uniform number for the batch, shifted by i / n for example i: each time is
    uniform still, and the batch covers the interval evenly.
    Source: "Variational Diffusion Models" (Kingma et al., 2021), section 5 and appendix I.1.
    """

    low_discrepancy: bool = False

    def sample(self, schedule: Schedule, keys: Tensor) -> Tensor:
        """Draws times, float32 `(batch,)`, within [schedule.first, schedule.last].

        Args:
            schedule: where it is discrete, the times are those of its steps.
            keys: int32 `(batch, 2)`.
        """
        u = kgen.random.uniform(keys)
        if self.low_discrepancy:
            n = ops.shape(u)[0]
            u = u[0] + ops.arange(n, dtype="float32") / ops.cast(n, "float32")
            u = u - ops.floor(u)
        t = self.quantile(schedule, ops.clip(u, 1e-6, 1.0 - 1e-6))
        if schedule.steps is not None:
            steps = float(schedule.steps)
            return ops.clip(ops.ceil(t * steps), 1.0, steps) / steps
        return ops.clip(t, schedule.first, schedule.last)

    def quantile(self, schedule: Schedule, u: Tensor) -> Tensor:
        """The time below which a share u of the times lies."""
        raise NotImplementedError

    def density(self, schedule: Schedule, t: Tensor) -> Tensor:
        """The density of the times."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class UniformTimes(Times):
    """Every time alike. Source: "Denoising Diffusion Probabilistic Models" (Ho et al., 2020)."""

    low_discrepancy: bool = False

    def quantile(self, schedule: Schedule, u: Tensor) -> Tensor:
        """From `first` to `last`; from 0 where the schedule is discrete."""
        first = 0.0 if schedule.steps is not None else schedule.first
        return first + (schedule.last - first) * u

    def density(self, schedule: Schedule, t: Tensor) -> Tensor:
        """1 / (last - first)."""
        first = 0.0 if schedule.steps is not None else schedule.first
        return ops.ones_like(t) / (schedule.last - first)


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class LogitNormal(Times):
    """t = sigmoid(mean + std n), n standard normal: the middle of the path more than its ends.

    Source: "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis" (Esser et al.,
    2024), equation 19.
    """

    mean: float = 0.0
    std: float = 1.0
    low_discrepancy: bool = False

    def quantile(self, schedule: Schedule, u: Tensor) -> Tensor:
        """sigmoid(mean + std times the normal quantile)."""
        return ops.sigmoid(self.mean + self.std * _normal_quantile(u))

    def density(self, schedule: Schedule, t: Tensor) -> Tensor:
        """The normal density of logit(t), over t (1 - t)."""
        logit = ops.log(t) - ops.log1p(-t)
        return _normal_density(logit, self.mean, self.std) / (t * (1.0 - t))


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class LogNormalNoise(Times):
    """log sigma is normal, sigma = b / a: EDM's choice.

    Source: "Elucidating the Design Space of Diffusion-Based Generative Models" (Karras et al., 2022),
    table 1: mean -1.2, std 1.2.
    """

    mean: float = -1.2
    std: float = 1.2
    low_discrepancy: bool = False

    def quantile(self, schedule: Schedule, u: Tensor) -> Tensor:
        """The time at which log sigma has its own quantile."""
        return schedule.time_of(-2.0 * (self.mean + self.std * _normal_quantile(u)))

    def density(self, schedule: Schedule, t: Tensor) -> Tensor:
        """The normal density of log sigma = -log_snr / 2, times its derivative."""
        log_sigma = -0.5 * schedule.log_snr(t)
        return _normal_density(log_sigma, self.mean, self.std) * -0.5 * schedule.log_snr_rate(t)


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class ShiftedTimes(Times):
    """Another distribution's times moved towards noise: t' = s t / (1 + (s - 1) t).

    Args:
        shift: s > 0; the root of the ratio of the numbers of pixels, for larger images.
        times: what is shifted.

    Source: "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis" (Esser et al.,
    2024), equation 23.
    """

    shift: float = 3.0
    times: Times = UniformTimes()

    @property
    def low_discrepancy(self) -> bool:
        """That of the shifted times."""
        return self.times.low_discrepancy

    def quantile(self, schedule: Schedule, u: Tensor) -> Tensor:
        """The shifted quantile."""
        t = self.times.quantile(schedule, u)
        return self.shift * t / (1.0 + (self.shift - 1.0) * t)

    def density(self, schedule: Schedule, t: Tensor) -> Tensor:
        """The density of the unshifted time, times its derivative."""
        scale = self.shift - (self.shift - 1.0) * t
        return self.times.density(schedule, t / scale) * self.shift / ops.square(scale)


def _normal_quantile(u: Tensor) -> Tensor:
    return math.sqrt(2.0) * ops.erfinv(2.0 * u - 1.0)


def _normal_density(x: Tensor, mean: float, std: float) -> Tensor:
    return ops.exp(-0.5 * ops.square((x - mean) / std)) / (std * math.sqrt(2.0 * math.pi))
