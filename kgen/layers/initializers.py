"""Initial weights that are the same on every backend, for the same seed."""

import math
import random as python_random
from typing import Any

import keras
from keras import ops

from kgen import random
from kgen.backend import Tensor


class _Seeded(keras.initializers.Initializer):
    """An initializer with a seed; None: from Python's `random`, as in Keras."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = python_random.getrandbits(31) if seed is None else seed

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {"seed": self.seed}


@keras.saving.register_keras_serializable("kgen")
class Normal(_Seeded):
    """Draws from N(0, stddev**2).

    Args:
        stddev: the standard deviation.
        seed: at least 0; None: a fresh one. The same object always gives the same weights.

    >>> tuple(Normal(0.02, seed=1)((2, 3)).shape)
    (2, 3)
    """

    def __init__(self, stddev: float = 0.02, seed: int | None = None) -> None:
        super().__init__(seed)
        self.stddev = stddev

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """Makes the weights."""
        noise = random.normal(random.key(self.seed), tuple(shape))
        return ops.cast(self.stddev * noise, dtype or keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {**super().get_config(), "stddev": self.stddev}


@keras.saving.register_keras_serializable("kgen")
class GlorotUniform(_Seeded):
    """Draws from the uniform distribution on [-a, a], a = sqrt(6 / (fan_in + fan_out)).

    Args:
        seed: at least 0; None: a fresh one. The same object always gives the same weights.

    Source: "Understanding the difficulty of training deep feedforward neural networks" (Glorot and
    Bengio, 2010), equation 16.

    >>> bool(ops.max(GlorotUniform(seed=1)((3, 3))) < 1.0)
    True
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """Makes the weights, of a kernel `(*window, inputs, outputs)`, either way round."""
        *window, inputs, outputs = shape
        limit = math.sqrt(6.0 / (math.prod(window) * (inputs + outputs)))
        noise = random.uniform(random.key(self.seed), tuple(shape))
        return ops.cast(limit * (2.0 * noise - 1.0), dtype or keras.config.floatx())
