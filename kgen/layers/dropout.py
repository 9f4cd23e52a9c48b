"""Dropout whose randomness is a weight: it is saved, resumed and traced like one."""

from typing import Any

import keras
from keras import ops

from kgen import random
from kgen.backend import Tensor
from kgen.core.stream import RandomStream


@keras.saving.register_keras_serializable("kgen")
class Dropout(keras.layers.Layer):
    """Sets each element to zero with probability `rate` and scales up the others, in training only.

    Not `keras.layers.Dropout`: Keras does not save the state of its seed generator, and on torch
    that state stops a step from being traced.

    Args:
        rate: in [0, 1).
        seed: of the noise; None: from Python's `random`, as in Keras.
        kwargs: of `keras.layers.Layer`: name, dtype, trainable.

    Raises:
        ValueError: where the rate is outside [0, 1).

    Source: "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (Srivastava et al.,
    2014), section 10, inverted.

    >>> import numpy as np
    >>> x = np.ones((2, 3), "float32")
    >>> float(ops.sum(Dropout(0.5)(x)))  # not training
    6.0
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"expected a dropout rate in [0, 1), got {rate}")
        self.rate = rate
        self.seed = seed
        self.random = RandomStream()
        if seed is not None:
            self.random.reseed(seed)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Gives the inputs `(batch, ...)`, thinned out where `training`, a Python bool, is True."""
        if not training or self.rate == 0.0:
            return inputs
        keys = self.random.next_keys(like=inputs)
        keep = random.bernoulli(keys, 1.0 - self.rate, tuple(inputs.shape[1:]))
        return inputs * ops.cast(keep / (1.0 - self.rate), inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
