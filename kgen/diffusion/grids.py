"""Time grids: where the solvers stop on the way from noise to data.

A grid gives `steps + 1` times, falling from `last` to `first`, as a NumPy array: the steps of a
program are fixed when it is compiled.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from kgen.core.record import Record
from kgen.diffusion.schedules.base import Schedule


class Grid(Record):
    """The base of the grids: `fractions` bends the way from 1 to 0."""

    def times(self, schedule: Schedule, steps: int, first: float, last: float) -> np.ndarray:
        """float32 `(steps + 1,)`, falling from `last` to `first`.

        On a discrete schedule the times are those of its own steps.

        Raises ValueError for fewer than one step, and for more than a discrete schedule has.
        """
        if steps < 1:
            raise ValueError(f"expected steps >= 1, got {steps}")
        if schedule.steps is not None and steps > schedule.steps:
            raise ValueError(
                f"expected at most the {schedule.steps} steps that the schedule has, got {steps}"
            )
        even = np.linspace(1.0, 0.0, steps + 1)
        times = self.bend(even, schedule, first, last)
        times[0], times[-1] = last, first
        if schedule.steps is not None:
            times = _on_steps(times, schedule.steps)
        return times.astype("float32")

    def bend(self, even: np.ndarray, schedule: Schedule, first: float, last: float) -> np.ndarray:
        """Turns evenly spaced numbers, falling from 1 to 0, into times."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Uniform(Grid):
    """Equal steps of time."""

    def bend(self, even: np.ndarray, schedule: Schedule, first: float, last: float) -> np.ndarray:
        """first + (last - first) u."""
        return first + (last - first) * even


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Quadratic(Grid):
    """Smaller steps near the data: the square of equal steps.

    Source: "Denoising Diffusion Implicit Models" (Song et al., 2021), appendix D.2.
    """

    def bend(self, even: np.ndarray, schedule: Schedule, first: float, last: float) -> np.ndarray:
        """first + (last - first) u^2."""
        return first + (last - first) * even**2


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Karras(Grid):
    """Equal steps of sigma^(1/rho), sigma = b / a, down to `schedule.first`.

    Where the grid ends before that, at data, the last step goes there. Where a is 0 at the start, the
    second time is the one that follows sigma = 1000. Raises ValueError for a schedule with weights.

    Source: "Elucidating the Design Space of Diffusion-Based Generative Models" (Karras et al., 2022),
    equation 5.
    """

    rho: float = 7.0

    def bend(self, even: np.ndarray, schedule: Schedule, first: float, last: float) -> np.ndarray:
        """The times of (sigma_min^(1/rho) + u (sigma_max^(1/rho) - sigma_min^(1/rho)))^rho."""
        if schedule.learned:
            raise ValueError(
                f"Karras looks at the noise, which training changes in {type(schedule).__name__}: use "
                "Uniform()"
            )
        to_data = first < schedule.first
        u = np.linspace(1.0, 0.0, len(even) - 1) if to_data else even
        ends = (max(first, schedule.first), last)
        low, high = (_sigma(schedule, t) ** (1.0 / self.rho) for t in ends)
        times = _times_of(schedule, (low + u * (high - low)) ** self.rho)
        return np.append(times, first) if to_data else times


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Shifted(Grid):
    """More steps near the noise, as large images need: t' = s t / (1 + (s - 1) t).

    Args:
        shift: s; 1 is `Uniform`.

    Source: "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis" (Esser et al.,
    2024), equation 23.
    """

    shift: float = 3.0

    def bend(self, even: np.ndarray, schedule: Schedule, first: float, last: float) -> np.ndarray:
        """The shifted times."""
        return first + (last - first) * self.shift * even / (1.0 + (self.shift - 1.0) * even)


def _on_steps(times: np.ndarray, steps: int) -> np.ndarray:
    """The nearest steps of a discrete schedule, each at most once: whole numbers / steps."""
    k = np.rint(times * steps).astype(int)
    for i in range(len(k) - 2, -1, -1):  # from data to noise, each above the one before
        k[i] = max(k[i], k[i + 1] + 1)
    k[0] = min(k[0], steps)
    for i in range(1, len(k)):
        k[i] = min(k[i], k[i - 1] - 1)
    return k / steps


def _sigma(schedule: Schedule, t: float) -> float:
    time = ops.convert_to_tensor(t, dtype="float32")
    return float(np.exp(-0.5 * max(float(schedule.log_snr(time)), -2.0 * np.log(1000.0))))


def _times_of(schedule: Schedule, sigma: np.ndarray) -> np.ndarray:
    log_snr = ops.convert_to_tensor((-2.0 * np.log(np.maximum(sigma, 1e-12))).astype("float32"))
    return np.array(ops.convert_to_numpy(schedule.time_of(log_snr)), dtype="float64")
