"""Convolutions of autoregressive networks on images, over what comes before in row-major order."""

from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor
from kgen.layers.causal import CausalLayer, RowLayer
from kgen.layers.initializers import GlorotUniform


class _CausalConv2D(keras.layers.Layer):
    """The weights of a convolution over a pixel's row and the `rows - 1` rows above it."""

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int] = 3,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        k = kernel_size
        self.kernel_size = (k // 2 + 1, k) if isinstance(k, int) else tuple(k)
        self.filters = filters
        self.seed = seed
        if min(filters, *self.kernel_size) < 1 or self.kernel_size[1] % 2 == 0:
            raise ValueError(
                "expected filters and rows of at least 1 and an odd number of columns, got "
                f"filters={filters} and kernel_size={kernel_size}"
            )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the kernel `(rows, columns, channels, filters)` and the bias."""
        self.width, self.channels = input_shape[2:]
        shape = (*self.kernel_size, self.channels, self.filters)
        self.kernel = self.add_weight(shape=shape, initializer=GlorotUniform(self.seed), name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def _convolve(self, inputs: Tensor, kernel: Tensor, rows_above: int) -> Tensor:
        """Convolves an image that is padded with zeros: above, left and right."""
        margin = self.kernel_size[1] // 2
        x = ops.pad(inputs, ((0, 0), (rows_above, 0), (margin, margin), (0, 0)))
        y = ops.conv(x, kernel, padding="valid", data_format="channels_last")
        return y + ops.cast(self.bias, y.dtype)

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "seed": self.seed}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("kgen")
class MaskedConv2D(_CausalConv2D, CausalLayer):
    """Convolves the pixels before each pixel: to the left of it, and in the rows above.

    The mask is a constant that multiplies the kernel. The rows below, which it would cover whole,
    have no weights at all.

    Args:
        filters: channels of the output.
        kernel_size: odd k for k columns and k // 2 + 1 rows, a pixel's own the last; or both numbers.
        mask: "A": a pixel does not see itself, for the first layer; "B": it does.
        seed: of the kernel; None: a fresh one.
        kwargs: of `keras.layers.Layer`: name, dtype.

    Raises:
        ValueError: for another mask, an even number of columns, or a mask that leaves nothing.

    Source: "Pixel Recurrent Neural Networks" (van den Oord et al., 2016), section 3.4.

    >>> tuple(MaskedConv2D(4, 3, "A")(np.zeros((2, 5, 5, 1), "float32")).shape)
    (2, 5, 5, 4)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int] = 3,
        mask: Literal["A", "B"] = "B",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, seed, **kwargs)
        if mask not in ("A", "B"):
            raise ValueError(f"expected mask 'A' or 'B', got {mask!r}")
        self.mask = mask
        self.seen = np.ones(self.kernel_size, "float32")
        centre = self.kernel_size[1] // 2
        self.seen[-1, centre + (mask == "B") :] = 0.0
        if not self.seen.any():
            raise ValueError("mask 'A' leaves nothing of a kernel of one pixel: use a larger kernel")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Also finds where a step has the pixels that the kernel sees."""
        super().build(input_shape)
        rows, columns = self.kernel_size
        taps = [
            (above, side, above * self.width - side)
            for above in range(rows)
            for side in range(-(columns // 2), columns // 2 + 1)
            if self.seen[rows - 1 - above, side + columns // 2] and abs(side) < self.width
        ]
        above, side, back = np.array(taps).T
        # A step with mask A is given the pixel before, one with mask B the pixel itself.
        back = back - (self.mask == "A")
        self.length = int(back.max()) + 1
        self.places = (self.length - 1 - back).astype("int32")
        self.in_kernel = ((rows - 1 - above) * columns + side + columns // 2).astype("int32")
        column = np.arange(self.width)[:, None] + side
        self.inside = ((column >= 0) & (column < self.width)).astype("float32")

    def call(self, inputs: Tensor) -> Tensor:
        """Maps `(batch, height, width, channels)` to `(batch, height, width, filters)`."""
        mask = ops.convert_to_tensor(self.seen[:, :, None, None])
        kernel = ops.cast(self.kernel * mask, inputs.dtype)
        return self._convolve(inputs, kernel, self.kernel_size[0] - 1)

    def start(self, batch: Tensor | int) -> Tensor:
        """No pixels yet: zeros, as in the padding."""
        return ops.zeros((batch, self.length, self.channels), dtype=self.compute_dtype)

    def step(self, inputs: Tensor, memory: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """Moves the last pixels on by one, and multiplies those that the kernel sees with it."""
        pixel = ops.reshape(inputs, (-1, 1, self.channels))
        memory = ops.concatenate([memory[:, 1:], pixel], axis=1)
        inside = ops.take(ops.convert_to_tensor(self.inside), index % self.width, axis=0)
        taps = ops.take(memory, ops.convert_to_tensor(self.places), axis=1)
        taps = taps * ops.cast(ops.expand_dims(inside, -1), taps.dtype)
        kernel = ops.reshape(self.kernel, (-1, self.channels, self.filters))
        kernel = ops.take(kernel, ops.convert_to_tensor(self.in_kernel), axis=0)
        fan_in = len(self.places) * self.channels
        kernel = ops.cast(ops.reshape(kernel, (fan_in, self.filters)), taps.dtype)
        y = ops.matmul(ops.reshape(taps, (-1, fan_in)), kernel) + ops.cast(self.bias, taps.dtype)
        return ops.reshape(y, (-1, 1, 1, self.filters)), memory

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {**super().get_config(), "mask": self.mask}


@keras.saving.register_keras_serializable("kgen")
class RowConv2D(_CausalConv2D, RowLayer):
    """Convolves a pixel's whole row and the rows above: the vertical stack, after `RowsAbove`.

    Args:
        filters: channels of the output.
        kernel_size: odd k for k columns and k // 2 + 1 rows, a pixel's own the last; or both numbers.
        seed: of the kernel; None: a fresh one.
        kwargs: of `keras.layers.Layer`: name, dtype.

    Raises:
        ValueError: for an even number of columns.

    Source: "Conditional Image Generation with PixelCNN Decoders" (van den Oord et al., 2016),
    section 2.2.

    >>> tuple(RowConv2D(4, 3)(np.zeros((2, 5, 5, 1), "float32")).shape)
    (2, 5, 5, 4)
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Maps `(batch, height, width, channels)` to `(batch, height, width, filters)`."""
        return self._convolve(inputs, ops.cast(self.kernel, inputs.dtype), self.kernel_size[0] - 1)

    def start(self, batch: Tensor | int) -> Tensor:
        """No rows yet: zeros, as in the padding."""
        shape = (batch, self.kernel_size[0] - 1, self.width, self.channels)
        return ops.zeros(shape, dtype=self.compute_dtype)

    def step_row(self, inputs: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Convolves the remembered rows and the new one to one row."""
        rows = ops.concatenate([memory, inputs], axis=1)
        return self._convolve(rows, ops.cast(self.kernel, rows.dtype), 0), rows[:, 1:]
