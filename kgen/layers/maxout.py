"""Maxout: the largest of several linear maps."""

from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor


@keras.saving.register_keras_serializable("kgen")
class Maxout(keras.layers.Layer):
    """Gives for each unit the largest of its pieces: `(..., units * pieces)` to `(..., units)`.

    After a Dense layer it is a learned activation, convex and piecewise linear; unit i has the inputs
    i * pieces ... (i + 1) * pieces - 1.

    Args:
        pieces: at least 1.
        kwargs: of `keras.layers.Layer`: name, dtype.

    Raises:
        ValueError: where `pieces` is below 1 or does not divide the inputs.

    Source: "Maxout Networks" (Goodfellow et al., 2013), equation in section 3.

    >>> import numpy as np
    >>> Maxout(2)(np.array([[1.0, 3.0, 2.0, 0.0]], "float32")).shape[-1]
    2
    """

    def __init__(self, pieces: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if pieces < 1:
            raise ValueError(f"expected pieces >= 1, got {pieces}")
        self.pieces = pieces

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Checks the inputs."""
        if input_shape[-1] % self.pieces:
            raise ValueError(f"{input_shape[-1]} inputs cannot be cut into {self.pieces} pieces each")

    def call(self, inputs: Tensor) -> Tensor:
        """Takes the maxima."""
        *batch, channels = ops.shape(inputs)
        return ops.max(ops.reshape(inputs, (*batch, channels // self.pieces, self.pieces)), axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One unit for each group of pieces."""
        return (*input_shape[:-1], input_shape[-1] // self.pieces)

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {**super().get_config(), "pieces": self.pieces}
