"""The schedule of variational diffusion models, whose ends are learned."""

import math
from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.schedules.base import Schedule


@keras.saving.register_keras_serializable("kgen")
class LearnedSchedule(keras.layers.Layer, Schedule):
    """Variance preserving with a log-SNR that falls linearly, from -gamma_0 to -gamma_1, both learned.

        gamma(t) = gamma_0 + t softplus(span),   a^2 = sigmoid(-gamma),   b^2 = sigmoid(gamma)

    The only schedule with weights, two of them: the model that holds it trains, averages and saves
    them. They are trained by the whole bound, `weight=Likelihood()`: the noise at t = 0 against the
    reconstruction, what is left of the data at t = 1 against the prior.

    In continuous time the bound depends on the ends alone. The shape in between, which the paper
    learns too, only changes how much the loss scatters; here it is a line, and `low_discrepancy=True`
    of the times makes the loss scatter less.

    Args:
        gamma_0: -log-SNR at t = 0, at first.
        gamma_1: the same at t = 1; above gamma_0.
        name: of the layer.

    Raises ValueError for gamma_1 <= gamma_0.

    Source: "Variational Diffusion Models" (Kingma et al., 2021), sections 3.2 and 5, and appendix H.

    >>> schedule = LearnedSchedule(gamma_0=-10.0, gamma_1=5.0)
    >>> round(float(schedule.log_snr(ops.convert_to_tensor(1.0))), 3)
    -5.0
    """

    first = 0.0
    learned = True

    def __init__(
        self, gamma_0: float = -13.3, gamma_1: float = 5.0, name: str = "learned_schedule"
    ) -> None:
        if gamma_1 <= gamma_0:
            raise ValueError(f"expected gamma_1 > gamma_0, got {gamma_1} and {gamma_0}")
        super().__init__(name=name, dtype="float32")
        self.gamma_0, self.gamma_1 = gamma_0, gamma_1
        span = gamma_1 - gamma_0
        start = span + math.log(-math.expm1(-span))  # whose softplus is the span
        self.low = self._scalar(gamma_0, "low")
        self.span = self._scalar(start, "span")
        self.built = True

    def a(self, t: Tensor) -> Tensor:
        """sqrt(sigmoid(-gamma))."""
        return ops.sqrt(ops.sigmoid(self.log_snr(t)))

    def b(self, t: Tensor) -> Tensor:
        """sqrt(sigmoid(gamma))."""
        return ops.sqrt(ops.sigmoid(-self.log_snr(t)))

    def a_rate(self, t: Tensor) -> Tensor:
        """-gamma' a b^2 / 2."""
        return 0.5 * self.log_snr_rate(t) * self.a(t) * ops.square(self.b(t))

    def b_rate(self, t: Tensor) -> Tensor:
        """gamma' b a^2 / 2."""
        return -0.5 * self.log_snr_rate(t) * self.b(t) * ops.square(self.a(t))

    def log_snr(self, t: Tensor) -> Tensor:
        """-gamma."""
        return -(ops.convert_to_tensor(self.low) + t * ops.softplus(self.span))

    def log_snr_rate(self, t: Tensor) -> Tensor:
        """-softplus(span) < 0."""
        return -ops.softplus(self.span) * ops.ones_like(t)

    def time_of(self, log_snr: Tensor) -> Tensor:
        """Solves a linear equation."""
        return ops.clip(
            (-log_snr - ops.convert_to_tensor(self.low)) / ops.softplus(self.span), 0.0, 1.0
        )

    def data_left(self) -> bool:
        """True: gamma_1 is finite. No numbers are looked at, since training changes them."""
        return True

    def data_time(self) -> float:
        """0, where there is noise of gamma_0."""
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments: the ends before training."""
        return {"gamma_0": self.gamma_0, "gamma_1": self.gamma_1, "name": self.name}

    def _scalar(self, value: float, name: str) -> keras.Variable:
        return self.add_weight((), initializer=keras.initializers.Constant(value), name=name)
