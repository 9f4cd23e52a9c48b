"""Initial weights that are the same on every backend, for the same seed.

They come from NumPy, not from `kgen.random`: weights are made once, outside every compiled program,
and JAX would compile each operation of the generator anew for each shape of a kernel.
"""

import math
import random as python_random
from typing import Any

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor


class _Seeded(keras.initializers.Initializer):
    """An initializer with a seed; None: from Python's `random`, as in Keras."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = python_random.getrandbits(31) if seed is None else seed

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        """Makes the weights."""
        weights = self._draw(np.random.default_rng(self.seed), tuple(shape))
        return ops.convert_to_tensor(weights.astype("float32"), dtype or keras.config.floatx())

    def _draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        raise NotImplementedError

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

    def _draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return self.stddev * generator.standard_normal(shape)

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {**super().get_config(), "stddev": self.stddev}


@keras.saving.register_keras_serializable("kgen")
class GlorotUniform(_Seeded):
    """Draws from the uniform distribution on [-a, a], a = sqrt(6 / (fan_in + fan_out)).

    Args:
        seed: at least 0; None: a fresh one. The same object always gives the same weights.

    The kernel is `(*window, inputs, outputs)`, either way round.

    Source: "Understanding the difficulty of training deep feedforward neural networks" (Glorot and
    Bengio, 2010), equation 16.

    >>> bool(ops.max(GlorotUniform(seed=1)((3, 3))) < 1.0)
    True
    """

    def _draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        *window, inputs, outputs = shape
        limit = math.sqrt(6.0 / (math.prod(window) * (inputs + outputs)))
        return generator.uniform(-limit, limit, shape)
