"""The schedule of variational diffusion models, whose ends and whose shape are learned."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.schedules.base import Schedule


@keras.saving.register_keras_serializable("kgen")
class LearnedSchedule(keras.layers.Layer, Schedule):
    """Variance preserving with a log-SNR that falls from -gamma_0 to -gamma_1, all of it learned.

        gamma(t) = gamma_0 + softplus(span) s(t),   a^2 = sigmoid(-gamma),   b^2 = sigmoid(gamma)

    s rises from 0 to 1, a network that is monotone by its positive weights; at first nearly a line:

        s(t) = (f(t) - f(0)) / (f(1) - f(0)),   f(t) = t + sum_k h_k sigmoid(w_k (t - m_k)),   h, w > 0

    The only schedule with weights: the model that holds it trains, averages and saves them.

    The ends are trained by the whole bound, `weight=Likelihood()`: the noise at t = 0 against the
    reconstruction, what is left of the data at t = 1 against the prior. In continuous time the bound
    depends on them alone. The shape only changes how much the loss scatters, and is trained to make
    that least (see `scatter`); the loss sends it no other gradient.

    Args:
        gamma_0: -log-SNR at t = 0, at first.
        gamma_1: the same at t = 1; above gamma_0.
        units: how many sigmoids the shape has, at least 1; 1024 in the paper.
        name: of the layer.

    Raises ValueError for gamma_1 <= gamma_0, and for less than one unit.

    Source: "Variational Diffusion Models" (Kingma et al., 2021), sections 3.2 and 5, and appendix H.

    >>> schedule = LearnedSchedule(gamma_0=-10.0, gamma_1=5.0)
    >>> round(float(schedule.log_snr(ops.convert_to_tensor(1.0))), 3)
    -5.0
    """

    first = 0.0
    learned = True

    def __init__(
        self,
        gamma_0: float = -13.3,
        gamma_1: float = 5.0,
        units: int = 32,
        name: str = "learned_schedule",
    ) -> None:
        if gamma_1 <= gamma_0 or units < 1:
            raise ValueError(
                f"expected gamma_1 > gamma_0 and units >= 1, got {gamma_1}, {gamma_0} and {units}"
            )
        super().__init__(name=name, dtype="float32")
        self.gamma_0, self.gamma_1, self.units = gamma_0, gamma_1, units
        self.low = self._weight(gamma_0, "low")
        self.span = self._weight(_softplus_inverse(gamma_1 - gamma_0), "span")
        self.heights = self._weight(np.full(units, _softplus_inverse(1.0 / units)), "heights")
        self.slopes = self._weight(np.full(units, _softplus_inverse(_SLOPE)), "slopes")
        self.centres = self._weight((np.arange(units) + 0.5) / units, "centres")
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
        return -(ops.convert_to_tensor(self.low) + ops.softplus(self.span) * self._fixed(t)[0])

    def log_snr_rate(self, t: Tensor) -> Tensor:
        """-softplus(span) s' < 0."""
        return -ops.softplus(self.span) * self._fixed(t)[1]

    def time_of(self, log_snr: Tensor) -> Tensor:
        """Halves the interval of times until float32 is exhausted."""
        place = (-log_snr - ops.convert_to_tensor(self.low)) / ops.softplus(self.span)
        t = 0.5 * ops.ones_like(place)
        for k in range(2, 26):
            t = t + 0.5**k * ops.where(self._fixed(t)[0] < place, 1.0, -1.0)
        return t

    def scatter(self, losses: Tensor, t: Tensor) -> Tensor:
        """Zeros, whose mean has the gradient of log E[losses^2] with respect to the shape.

        A uniform time gives the log-SNR the density p = 1 / gamma', up to a constant. The mean of a
        loss g / p does not depend on p, and its second moment has the gradient

            -E[(g / p)^2 grad log p] = E[loss^2 grad log gamma'],       at a fixed log-SNR:

        what the paper takes from the gradient of the network's input needs no network here.

        Args:
            losses: the diffusion term of the bound of each example, `(batch,)`.
            t: its uniform time, `(batch,)`.

        Source: "Variational Diffusion Models" (Kingma et al., 2021), section 5.1 and appendix I.2.
        """
        weights = self.heights, self.slopes, self.centres
        place, rate = monotone(t, *weights)
        # t in value; it moves with the weights so that the log-SNR does not
        t = t - (place - ops.stop_gradient(place)) / ops.stop_gradient(rate)
        squares = ops.square(losses)
        share = squares / ops.maximum(ops.mean(squares), 1e-20)
        term = ops.stop_gradient(share) * ops.log(monotone(t, *weights)[1])
        return term - ops.stop_gradient(term)

    def data_left(self) -> bool:
        """True: gamma_1 is finite. No numbers are looked at, since training changes them."""
        return True

    def data_time(self) -> float:
        """0, where there is noise of gamma_0."""
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments: the ends before training."""
        names = ("gamma_0", "gamma_1", "units", "name")
        return {name: getattr(self, name) for name in names}

    def _fixed(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """The shape and its derivative, without gradients of its weights."""
        return monotone(t, *map(ops.stop_gradient, (self.heights, self.slopes, self.centres)))

    def _weight(self, value: Any, name: str) -> keras.Variable:
        start = keras.initializers.Constant(value)
        return self.add_weight(np.shape(value), initializer=start, name=name)


def monotone(t: Tensor, heights: Tensor, slopes: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Gives s(t) and s'(t) > 0 of `LearnedSchedule`, of the shape of t.

    Args:
        t: float32, any shape.
        heights, slopes: float32 `(units,)`; h and w are their softplus.
        centres: float32 `(units,)`, m.

    Source: "Variational Diffusion Models" (Kingma et al., 2021), appendix H.
    """
    h, w = ops.softplus(heights), ops.softplus(slopes)

    def sigmoids(t: Tensor) -> Tensor:
        return ops.sigmoid(w * (ops.expand_dims(t, -1) - centres))

    start, end, here = sigmoids(ops.zeros_like(t)), sigmoids(ops.ones_like(t)), sigmoids(t)
    height = 1.0 + ops.sum(h * (end - start), axis=-1)
    rate = 1.0 + ops.sum(h * w * here * (1.0 - here), axis=-1)
    return (t + ops.sum(h * (here - start), axis=-1)) / height, rate / height


def _softplus_inverse(x: float) -> float:
    return x + math.log(-math.expm1(-x))


_SLOPE = 8.0  # of the sigmoids at first: wide enough to overlap, narrow enough to differ
