"""Attention of autoregressive networks: to the present position and the earlier ones."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor
from kgen.layers.causal import CausalLayer


@keras.saving.register_keras_serializable("kgen")
class CausalAttention(CausalLayer):
    """Lets each position gather values from itself and the positions before; it has no weights.

    Queries and keys are rotated by their place in the grid, so that their product depends on their
    distance. A step keeps the keys and values of all earlier positions.

    Args:
        grid: sizes of the axes along which the positions lie in row-major order: (length,) of a
            text, (height, width) of an image.
        heads: into how many the channels are split.
        kwargs: of `keras.layers.Layer`: name, dtype.

    Raises:
        ValueError: where the channels of a head are no multiple of twice the number of axes, or the
            sequence has not the length of the grid.

    Source: "Attention Is All You Need" (Vaswani et al., 2017), section 3.2.3; "RoFormer" (Su et al.,
    2021), equation 34, for each axis.

    >>> tuple(CausalAttention((5,), heads=2)(np.zeros((1, 5, 3 * 8), "float32")).shape)
    (1, 5, 8)
    """

    def __init__(self, grid: Sequence[int], heads: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if heads < 1:
            raise ValueError(f"expected heads of at least 1, got {heads}")
        self.grid = tuple(grid)
        self.heads = heads

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Computes the angles; there are no weights."""
        length = math.prod(self.grid)
        if input_shape[1] != length:
            raise ValueError(f"the grid {self.grid} has {length} positions, got {input_shape[1]}")
        if input_shape[-1] % (3 * self.heads):
            raise ValueError(
                f"expected queries, keys and values of {self.heads} heads, got "
                f"{input_shape[-1]} channels"
            )
        self.size = input_shape[-1] // 3 // self.heads  # channels of a head
        self.angles = rotary_angles(self.grid, self.size)

    def call(self, inputs: Tensor) -> Tensor:
        """Maps queries, keys and values `(batch, n, 3 * width)` to `(batch, n, width)`."""
        q, k, v = self._split(inputs)
        angles = ops.convert_to_tensor(self.angles)
        later = np.triu(np.full((len(self.angles),) * 2, -np.inf, "float32"), 1)
        return self._attend(rotate(q, angles), rotate(k, angles), v, ops.convert_to_tensor(later))

    def start(self, batch: Tensor | int) -> tuple[Tensor, Tensor]:
        """Keys and values of no position yet."""
        shape = (batch, self.heads, len(self.angles), self.size)
        return tuple(ops.zeros(shape, dtype=self.compute_dtype) for _ in range(2))

    def step(self, inputs: Tensor, memory: Any, index: Tensor) -> tuple[Tensor, Any]:
        """Adds a key and a value to those remembered, and asks them all."""
        q, k, v = self._split(inputs)
        angles = ops.take(ops.convert_to_tensor(self.angles), index, axis=0)
        places = ops.arange(len(self.angles), dtype="int32")
        here = ops.reshape(ops.equal(places, index), (1, 1, -1, 1))
        keys = ops.where(here, rotate(k, angles), memory[0])
        values = ops.where(here, v, memory[1])
        later = ops.where(places > index, -math.inf, 0.0)
        return self._attend(rotate(q, angles), keys, values, later), (keys, values)

    def _split(self, x: Tensor) -> Tensor:
        """Gives queries, keys and values, each `(batch, heads, n, size)`."""
        x = ops.reshape(x, (-1, x.shape[1], 3, self.heads, self.size))
        x = ops.transpose(x, (2, 0, 3, 1, 4))
        return x[0], x[1], x[2]

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, later: Tensor) -> Tensor:
        scores = ops.matmul(q / math.sqrt(self.size), ops.transpose(k, (0, 1, 3, 2)))
        weights = ops.softmax(ops.cast(scores, "float32") + later, axis=-1)
        y = ops.transpose(ops.matmul(ops.cast(weights, v.dtype), v), (0, 2, 1, 3))
        return ops.reshape(y, (-1, q.shape[2], self.heads * self.size))

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {**super().get_config(), "grid": self.grid, "heads": self.heads}


def rotary_angles(grid: Sequence[int], size: int) -> np.ndarray:
    """Computes the angles by which pairs of channels turn at each place, float32 `(n, size / 2)`.

    The pairs are shared out evenly among the grid's axes; at place p of an axis they turn by p w_i,
    w_i = 10000^(-i / h) for i = 0 ... h - 1, with h = size / (2 len(grid)).

    Raises ValueError where the size is no multiple of twice the number of axes.

    >>> rotary_angles((2,), 4).tolist()
    [[0.0, 0.0], [1.0, 0.009999999776482582]]
    """
    axes = len(grid)
    if size % (2 * axes):
        raise ValueError(
            f"expected heads with a multiple of {2 * axes} channels, a pair for each of {axes} axes, "
            f"got {size}: change the width or the heads"
        )
    half = size // (2 * axes)
    frequencies = 10000.0 ** (-np.arange(half) / half)
    places = np.indices(grid).reshape(axes, -1, 1)
    return np.concatenate(list(places * frequencies), axis=-1).astype("float32")


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turns pairs of channels: channel i and channel i + size / 2 by angle i.

    Args:
        x: `(..., n, size)`.
        angles: `(n, size / 2)`, or `(size / 2,)` for all.
    """
    cosine, sine = ops.cast(ops.cos(angles), x.dtype), ops.cast(ops.sin(angles), x.dtype)
    a, b = ops.split(x, 2, axis=-1)
    return ops.concatenate([a * cosine - b * sine, a * sine + b * cosine], axis=-1)
