"""How much an error counts at each time.

A weight multiplies the squared error of the target. Each is stated for an error of the predicted
data, w_x, and carried over to the target: w = w_x / (|dy| / |dx|)^2.
"""

from dataclasses import dataclass
from typing import ClassVar

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.core.record import Record
from kgen.diffusion.schedules.base import Schedule
from kgen.diffusion.targets import Target


class Weight(Record):
    """The base of the weights.

    Attributes:
        integral: whether the loss is an integral over time: the model then divides by the density of
            its times, so that these change how the loss scatters, and not what it is.
    """

    integral: ClassVar[bool] = False

    def of_data(self, schedule: Schedule, t: Tensor) -> Tensor:
        """The weight of a squared error of the predicted data at times t, `(batch,)`."""
        raise NotImplementedError

    def __call__(self, schedule: Schedule, target: Target, t: Tensor) -> Tensor:
        """The weight of a squared error of the target at times t, `(batch,)`."""
        return self.of_data(schedule, t) / ops.square(target.error_scale(schedule, t))


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Simple(Weight):
    """1 for the target itself, whatever it is.

    Source: "Denoising Diffusion Probabilistic Models" (Ho et al., 2020), equation 14.
    """

    def __call__(self, schedule: Schedule, target: Target, t: Tensor) -> Tensor:
        """Ones."""
        return ops.ones_like(t)


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class MinSNR(Weight):
    """w_x = min(SNR, gamma): no time is given more than its share.

    Source: "Efficient Diffusion Training via Min-SNR Weighting Strategy" (Hang et al., 2023),
    equation 9.
    """

    gamma: float = 5.0

    def of_data(self, schedule: Schedule, t: Tensor) -> Tensor:
        """min(a^2 / b^2, gamma)."""
        return ops.minimum(ops.exp(schedule.log_snr(t)), self.gamma)


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class ScoreMatching(Weight):
    """w_x = SNR, which is b^2 for the target `Score` and 1 for `Noise`: denoising score matching.

    The loss is then E b^2 |score(x_t) + (x_t - a x) / b^2|^2 of the noisy examples, twice the paper's,
    a mean over dimensions.

    Source: "Generative Modeling by Estimating Gradients of the Data Distribution" (Song and Ermon,
    2019), equations 5 and 6 with lambda = sigma^2.
    """

    def of_data(self, schedule: Schedule, t: Tensor) -> Tensor:
        """a^2 / b^2."""
        return ops.exp(schedule.log_snr(t))


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class EDMWeight(Weight):
    """w_x = (r^2 + s^2) / (r s)^2, r = b / a: one for the target F.

    Source: "Elucidating the Design Space of Diffusion-Based Generative Models" (Karras et al., 2022),
    table 1.
    """

    data_std: float = 0.5

    def of_data(self, schedule: Schedule, t: Tensor) -> Tensor:
        """1 / s^2 + a^2 / b^2."""
        return 1.0 / self.data_std**2 + ops.exp(schedule.log_snr(t))


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Likelihood(Weight):
    """w_x = -SNR'(t) / 2: the loss is then the bound's diffusion term, in nats per dimension.

    With a `LearnedSchedule` the terms of its two ends are added: then the loss is the whole bound.

    Args:
        levels: what the data are, as `Diffusion.bound` takes it: None, continuous; 256, so many even
            values in [-1, 1]. It counts for a `LearnedSchedule` only: without it the bound of data
            with few values has no best gamma_0.

    Source: "Variational Diffusion Models" (Kingma et al., 2021), equations 11 and 15.
    """

    levels: int | None = None
    integral: ClassVar[bool] = True

    def of_data(self, schedule: Schedule, t: Tensor) -> Tensor:
        """-1/2 of the derivative of a^2 / b^2."""
        return -0.5 * ops.exp(schedule.log_snr(t)) * schedule.log_snr_rate(t)
