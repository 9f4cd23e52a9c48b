"""What a network's outputs say about one pixel or token: p(x_i | x_1 ... x_{i-1}).

A likelihood is an object with these members, so that a new one is a class of this shape:

- `levels`: how many values there are; `integers`: whether values are 0 ... levels - 1 themselves, or
  the points of an even grid of [-1, 1];
- `outputs(channels)`: how many network outputs describe a position of so many channels;
- `log_prob(outputs, x)`: nats of each position, `(batch, n)`, x `(batch, n, channels)`;
- `sample(outputs, keys, choice)`: one value a key, `(batch, channels)`, outputs `(batch, outputs)`.

But for `LogisticMixture`, the channels of a position are independent given the earlier positions.
"""

import dataclasses

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen.autoregressive import mixture
from kgen.autoregressive.choice import Choice
from kgen.backend import Tensor
from kgen.core.record import Record


class Likelihood(Record):
    """The base of the likelihoods: values and their numbers, equality, Keras serialisation."""

    levels: int
    integers: bool = False

    def outputs(self, channels: int = 1) -> int:
        """How many network outputs describe a position of so many channels."""
        raise NotImplementedError

    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """The log-probability of each position in nats, `(batch, n)`.

        Args:
            outputs: float32 `(batch, n, outputs)`.
            x: values `(batch, n, channels)`.
        """
        raise NotImplementedError

    def sample(self, outputs: Tensor, keys: Tensor, choice: Choice) -> Tensor:
        """Draws one value a key, `(batch, channels)`, from outputs `(batch, outputs)`."""
        raise NotImplementedError

    def index(self, x: Tensor) -> Tensor:
        """The numbers of values, int32 0 ... levels - 1."""
        if self.integers:
            return ops.cast(x, "int32")
        scaled = (ops.cast(x, "float32") + 1.0) * (0.5 * (self.levels - 1))
        return ops.cast(ops.clip(ops.round(scaled), 0, self.levels - 1), "int32")

    def value(self, index: Tensor) -> Tensor:
        """The values of numbers: float32 in [-1, 1], or int32 where values are integers."""
        if self.integers:
            return ops.cast(index, "int32")
        x = ops.cast(index, "float32") * (2.0 / (self.levels - 1)) - 1.0
        return ops.clip(x, -1.0, 1.0)  # rounding may end beyond 1

    def check(self, x: np.ndarray) -> None:
        """Raises ValueError where an array holds something else than values."""
        steps = x if self.integers else (x + 1.0) * (0.5 * (self.levels - 1))
        nearest = np.clip(np.rint(steps), 0, self.levels - 1)
        wrong = np.abs(steps - nearest) > 1e-3
        if wrong.any():
            where = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(f"got {x[where]:g} at {where} of the data: {self._expectation()}")

    def _expectation(self) -> str:
        if self.integers:
            return f"expected integers 0 ... {self.levels - 1}, the tokens of the vocabulary"
        return (
            f"expected images of {self.levels} levels, an even grid of [-1, 1]: round them with "
            f"kgen.autoregressive.quantize(x, {self.levels})"
        )

    def _check_levels(self) -> None:
        if self.levels < 2:
            raise ValueError(f"expected at least 2 values, got {self.levels}")


@keras.saving.register_keras_serializable("kgen", "AutoregressiveBernoulli")  # the VAE has one too
@dataclasses.dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Each value is a coin, -1 or 1: one output a channel gives the log-odds of a 1."""

    levels = 2

    def outputs(self, channels: int = 1) -> int:
        """One for each channel."""
        return channels

    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """The log-probability of each position in nats, `(batch, n)`."""
        # log sigmoid(l) for x = 1, log sigmoid(-l) for x = -1
        return ops.sum(ops.log_sigmoid(x * outputs), axis=-1)

    def sample(self, outputs: Tensor, keys: Tensor, choice: Choice) -> Tensor:
        """Tosses the coins."""
        logits = choice(ops.stack([ops.zeros_like(outputs), outputs], axis=-1))
        return self.value(kgen.random.categorical(keys, logits))


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Categorical(Likelihood):
    """Each value is one of `levels` grid points of [-1, 1], with a logit each; no order is assumed.

    Source: "Pixel Recurrent Neural Networks" (van den Oord et al., 2016), section 2.3.
    """

    levels: int = 256

    def __post_init__(self) -> None:
        """Checks the number of levels."""
        self._check_levels()

    def outputs(self, channels: int = 1) -> int:
        """A logit for each level and channel."""
        return channels * self.levels

    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """The log-probability of each position in nats, `(batch, n)`."""
        logits = ops.reshape(outputs, (-1, *x.shape[1:], self.levels))
        nats = ops.sparse_categorical_crossentropy(self.index(x), logits, from_logits=True)
        return -ops.sum(nats, axis=-1)

    def sample(self, outputs: Tensor, keys: Tensor, choice: Choice) -> Tensor:
        """Draws a level for each channel."""
        channels = outputs.shape[-1] // self.levels
        logits = choice(ops.reshape(outputs, (-1, channels, self.levels)))
        return self.value(kgen.random.categorical(keys, logits))


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Tokens(Categorical):
    """Each value is an integer 0 ... levels - 1, a token of a vocabulary, with a logit each."""

    integers = True


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class LogisticMixture(Likelihood):
    """Each pixel is a mixture of logistics, rounded to `levels` grid points; see `mixture`.

    The mean of a channel also depends on the channels before it, linearly. Neighbouring levels are
    alike from the start, and there are few outputs.

    Args:
        components: at least 1.
        levels: at least 2.

    Source: "PixelCNN++" (Salimans et al., 2017), equations 1 to 3.
    """

    components: int = 10
    levels: int = 256

    def __post_init__(self) -> None:
        """Checks the numbers."""
        self._check_levels()
        if self.components < 1:
            raise ValueError(f"expected components >= 1, got {self.components}")

    def outputs(self, channels: int = 1) -> int:
        """Weight, means, log-scales and slopes of each component."""
        return self.components * mixture.rows(channels)

    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """The log-probability of each position in nats, `(batch, n)`."""
        parameters = mixture.unpack(outputs, x.shape[-1], self.components)
        return mixture.log_prob(parameters, x, self.levels)

    def sample(self, outputs: Tensor, keys: Tensor, choice: Choice) -> Tensor:
        """Draws pixels. Raises ValueError for top-k and top-p, which have no logits to look at."""
        if choice.truncates:
            raise ValueError(
                "LogisticMixture has a temperature, but no top_k and top_p: use "
                "Categorical(levels), or leave them out"
            )
        numbers = outputs.shape[-1] // self.components
        channels = next(c for c in range(1, numbers) if mixture.rows(c) == numbers)
        parameters = mixture.unpack(outputs, channels, self.components)
        pixels = mixture.sample(parameters, keys, self.levels, choice.temperature)
        return self.value(self.index(pixels))


def quantize(x: np.ndarray, levels: int) -> np.ndarray:
    """Rounds images in [-1, 1] to the nearest of `levels` evenly spaced values of it, float32.

    Raises ValueError for fewer than two levels.

    >>> quantize(np.array([-1.0, -0.4, 0.1, 1.0]), 3).tolist()
    [-1.0, 0.0, 0.0, 1.0]
    """
    if levels < 2:
        raise ValueError(f"expected at least 2 levels, got {levels}")
    steps = 0.5 * (levels - 1)
    return (np.rint((np.asarray(x) + 1.0) * steps) / steps - 1.0).astype("float32")
