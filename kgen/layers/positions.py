"""Positions that a transformer is told of."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kgen.backend import Tensor


@keras.saving.register_keras_serializable("kgen")
class GridPositions(keras.layers.Layer):
    """Adds fixed sines and cosines of their place in a grid to tokens `(batch, n, width)`.

    The channels are shared out evenly among the grid's axes. The table is saved, not trained.

    Args:
        grid: sizes of the axes; the tokens lie in row-major order, n is their product.
        kwargs: of `keras.layers.Layer`: name, dtype.

    Raises:
        ValueError: where the width is no multiple of twice the number of axes.

    Source: "Attention Is All You Need" (Vaswani et al., 2017), section 3.5, for each axis; in two
    dimensions "Scalable Diffusion Models with Transformers" (Peebles and Xie, 2023), section 3.2.

    >>> tuple(GridPositions((2, 3))(np.zeros((1, 6, 8), "float32")).shape)
    (1, 6, 8)
    """

    def __init__(self, grid: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.grid = tuple(grid)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the table `(n, width)`."""
        table = grid_positions(self.grid, input_shape[-1])
        self.table = self.add_weight(
            shape=table.shape,
            initializer=lambda shape, dtype: keras.ops.convert_to_tensor(table, dtype),
            trainable=False,
            name="positions",
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Adds the table."""
        return inputs + self.table

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {**super().get_config(), "grid": self.grid}


def grid_positions(grid: Sequence[int], width: int) -> np.ndarray:
    """Computes float32 `(n, width)`: for each axis and place p, sin(p w_i) and cos(p w_i).

    w_i = 10000^(-i / h) for i = 0 ... h - 1, with h = width / (2 len(grid)).

    >>> grid_positions((2,), 2).round(3).tolist()
    [[0.0, 1.0], [0.8410000205039978, 0.5400000214576721]]
    """
    axes = len(grid)
    if width % (2 * axes):
        raise ValueError(
            f"expected a width that is a multiple of {2 * axes}, a sine and a cosine for each of "
            f"{axes} axes, got {width}"
        )
    half = width // (2 * axes)
    frequencies = 10000.0 ** (-np.arange(half) / half)
    places = np.indices(grid).reshape(axes, math.prod(grid), 1)
    angles = places * frequencies
    waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=-1)
    return np.concatenate(list(waves), axis=-1).astype("float32")
