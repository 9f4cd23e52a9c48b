"""What a decoder's outputs say about the data: p(x | z) for images in [-1, 1] and for vectors.

A likelihood is an object with these members, so that a new one is a class of this shape:

- `outputs`: how many decoder outputs (on the last axis) describe one value of x;
- `log_prob(outputs, x)`: nats per example, `(batch,)`;
- `mean(outputs)`: the expected x, in the range of the data;
- `range_width`, where bits per dimension of images mean something: None for the probability of
  discrete values, 2.0 for a density on [-1, 1].
"""

import dataclasses

import keras
from keras import ops

from kgen import distributions
from kgen.backend import Tensor
from kgen.core.record import Record


class Likelihood(Record):
    """The base of the likelihoods: equality and Keras serialisation of their fields."""

    outputs: int = 1

    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """The log-likelihood of each example in nats, `(batch,)`."""
        raise NotImplementedError

    def mean(self, outputs: Tensor) -> Tensor:
        """The expected x, in the range of the data."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Each value is a coin: the decoder gives logits. x in [-1, 1] is mapped to [0, 1].

    On grey images this is the usual cross-entropy, which is no likelihood: its nats compare with
    other Bernoulli decoders only, and it has no `range_width`.
    """

    outputs = 1

    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """The negative cross-entropy of each example in nats, `(batch,)`."""
        return distributions.Bernoulli(outputs).log_prob((x + 1.0) / 2.0)

    def mean(self, outputs: Tensor) -> Tensor:
        """The probability of a one, as an image in [-1, 1]."""
        return 2.0 * ops.sigmoid(outputs) - 1.0


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Gaussian(Likelihood):
    """Each value is normal around the decoder's output.

    Args:
        scale: the standard deviation in the units of the data; None: learned, a second output for
            each value gives its logarithm, kept above `min_log_scale`.
        min_log_scale: the floor without which a pixel that never varies drives the density to
            infinity.
    """

    scale: float | None = 1.0
    min_log_scale: float = -5.0

    range_width = 2.0

    @property
    def outputs(self) -> int:
        """One output a value, or two where the scale is learned."""
        return 1 if self.scale is not None else 2

    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """The log-density of each example in nats, `(batch,)`."""
        if self.scale is not None:
            mean, scale = outputs, self.scale * ops.ones_like(outputs)
        else:
            mean, log_scale = ops.split(outputs, 2, axis=-1)
            scale = ops.exp(ops.maximum(log_scale, self.min_log_scale))
        return distributions.DiagonalNormal(mean, scale).log_prob(x)

    def mean(self, outputs: Tensor) -> Tensor:
        """The mean, not clipped."""
        return outputs if self.scale is not None else ops.split(outputs, 2, axis=-1)[0]


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class DiscretizedLogistic(Likelihood):
    """Each value is one of `levels` integers, with the mass of a logistic around its bin.

    The decoder gives a mean in the range [-1, 1] of the data and a log-scale, two outputs a value.
    This is a probability: its bits per dimension compare with every exact model.

    Source: "PixelCNN++" (Salimans et al., 2017), equation 2, with one component.
    """

    levels: int = 256

    outputs = 2
    range_width = None

    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """The log-probability of each example in nats, `(batch,)`; x on the grid of the levels."""
        mean, log_scale = ops.split(outputs, 2, axis=-1)
        return distributions.DiscretizedLogistic(mean, log_scale, self.levels).log_prob(x)

    def mean(self, outputs: Tensor) -> Tensor:
        """The mean of the logistic, within [-1, 1]."""
        return ops.clip(ops.split(outputs, 2, axis=-1)[0], -1.0, 1.0)
