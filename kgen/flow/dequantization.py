"""Dequantisation: integers become real numbers, and densities bounds on probabilities.

With x one of K even levels in [-1, 1], w = 2 / (K - 1) their distance, and noise v in (0, 1),

    log P(x) >= E_q(v|x)[log p(x + w (v - 1/2)) - log q(v|x)] + D log w.
"""

import dataclasses
import math
from typing import Any

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.core.record import Record
from kgen.distributions import DiagonalNormal
from kgen.flow.transforms.base import per_example, zero_ladj


class Levels:
    """What the dequantisations share: the levels of the data."""

    levels: int

    @property
    def width(self) -> float:
        """The distance of two levels."""
        return 2.0 / (self.levels - 1)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the dequantised values lie."""
        return -1.0 - 0.5 * self.width, 1.0 + 0.5 * self.width

    def check(self, x: np.ndarray) -> None:
        """Raises ValueError for an array with values that are not levels; it says the first one."""
        index = (np.asarray(x, "float64") + 1.0) / self.width
        wrong = (
            (np.abs(index - np.round(index)) > 0.01) | (index < -0.01) | (index > self.levels - 0.99)
        )
        if wrong.any():
            value = np.asarray(x)[tuple(np.argwhere(wrong)[0])]
            raise ValueError(
                f"expected {self.levels} levels, integers k in [0, {self.levels}) as "
                f"{self.width:.6g} k - 1, got {wrong.sum()} other values, the first {value:.6g}: round "
                "the data to the levels, give their number, or leave out the dequantisation"
            )

    def noisy(self, x: Tensor, noise: Tensor, log_noise: Tensor) -> tuple[Tensor, Tensor]:
        """Joins levels and noise v in (0, 1) of log-density log q(v|x), `(batch,)`."""
        log_width = math.prod(x.shape[1:]) * math.log(self.width)
        return x + self.width * (noise - 0.5), log_width - log_noise


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class UniformNoise(Levels, Record):
    """Uniform noise: q(v|x) = 1.

    Args:
        levels: K, at least 2.

    Source: "A note on the evaluation of generative models" (Theis et al., 2016), section 3.1.

    >>> UniformNoise(3).interval
    (-1.5, 1.5)
    """

    levels: int = 256

    def __post_init__(self) -> None:
        """Checks the argument."""
        if self.levels < 2:
            raise ValueError(f"expected levels >= 2, got {self.levels}")

    def dequantize(self, x: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Gives x with noise, and what to add to its log-density, `(batch,)`."""
        noise = ops.cast(kgen.random.uniform(keys, tuple(x.shape[1:])), x.dtype)
        return self.noisy(x, noise, zero_ladj(x))


@keras.saving.register_keras_serializable("kgen")
class VariationalNoise(Levels, keras.layers.Layer):
    """Noise that a network learns: v = sigmoid(m + s e), e normal, m and s of x.

    Args:
        network: x `(batch, ..., c)` to `(batch, ..., 2 c)`: m, and log s less a half. Zeros are
            nearly uniform noise: `kgen.networks.conv_conditioner(shape, 2 * c)`.
        levels: K, at least 2.
        kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: where the network's output does not fit.

    Source: "Flow++" (Ho et al., 2019), equation 12, with a normal for the flow.
    """

    def __init__(self, network: keras.Model, levels: int = 256, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        *rest, channels = network.inputs[0].shape[1:]
        if tuple(network.output_shape[1:]) != (*rest, 2 * channels) or levels < 2:
            raise ValueError(
                f"expected network outputs of shape {(*rest, 2 * channels)} and levels >= 2, got "
                f"{tuple(network.output_shape[1:])} and {levels}"
            )
        self.network = network
        self.levels = levels
        self.built = True

    def dequantize(self, x: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """Gives x with noise, and what to add to its log-density, `(batch,)`."""
        mean, log_scale = ops.split(ops.cast(self.network(x), x.dtype), 2, axis=-1)
        normal = DiagonalNormal(mean, ops.exp(ops.clip(log_scale, -5.0, 5.0) + 0.5))
        logits = normal.sample(keys)
        # q(v) = N(logit v) / (v (1 - v))
        slope = per_example(ops.log_sigmoid(logits) + ops.log_sigmoid(-logits))
        return self.noisy(x, ops.sigmoid(logits), normal.log_prob(logits) - slope)

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        network = keras.saving.serialize_keras_object(self.network)
        return super().get_config() | {"network": network, "levels": self.levels}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "VariationalNoise":
        """Rebuilds the layer."""
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**config | {"network": network})


def content_keys(x: Tensor, seed: int) -> Tensor:
    """Gives each example a key that depends on the seed and on its own values, int32 `(batch, 2)`.

    So an estimate of log P(x) with noise is the same whatever batch x is in.
    """
    size = math.prod(x.shape[1:])
    odd = np.random.default_rng(0).integers(2**30, size=size, dtype="int32") * 2 + 1
    values = ops.cast(ops.round(ops.reshape(x, (-1, size)) * 1024.0), "int32")
    words = values * ops.convert_to_tensor(odd)  # wraps around, as a hash may
    # Halves of 16 bits: their sums do not leave int32, which sums in ONNX do not wrap around.
    low = ops.bitwise_and(words, 0xFFFF)
    high = ops.right_shift(words - low, 16)
    digest = ops.sum(low, axis=-1) + ops.sum(high, axis=-1) * 65536
    return kgen.random.fold_in(ops.convert_to_tensor(kgen.random.key(seed)), digest)
