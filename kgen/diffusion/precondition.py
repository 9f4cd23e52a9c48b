"""What the network sees in place of x_t and t."""

from dataclasses import dataclass

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.core.record import Record
from kgen.diffusion.schedules.base import Schedule


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class Precondition(Record):
    """Scales x_t to unit variance, and tells the noise by its logarithm.

        c_in = 1 / sqrt(a^2 s^2 + b^2),        c_noise = log(b / a) / 4

    With the schedule `EDM` and the target `F` this is EDM's preconditioning in full: the target has
    c_skip and c_out in it.

    Args:
        data_std: s, the standard deviation of the data.

    Source: "Elucidating the Design Space of Diffusion-Based Generative Models" (Karras et al., 2022),
    equation 7 and table 1.
    """

    data_std: float = 0.5

    def scale(self, schedule: Schedule, t: Tensor) -> Tensor:
        """The factor of x_t."""
        variance = ops.square(self.data_std * schedule.a(t)) + ops.square(schedule.b(t))
        return 1.0 / ops.sqrt(variance)

    def time(self, schedule: Schedule, t: Tensor) -> Tensor:
        """What the network is given for t."""
        return -0.125 * schedule.log_snr(t)
