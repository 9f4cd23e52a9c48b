"""Doubling the size of images and convolving, as one transposed convolution."""

from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.layers.conv import Conv2D
from kgen.layers.conv_transpose import conv_transpose


@keras.saving.register_keras_serializable("kgen")
class UpsampleConv2D(Conv2D):
    """Repeats each pixel twice along both axes, then convolves with a kernel of three, stride 1.

    The neighbours that a pixel is convolved with are pairwise equal. So add up the weights that meet
    the same pixel first: a transposed convolution of stride 2 with a kernel of four, 16 products for
    what were 36, and no larger image in between. W[j] = K[2 - j] + K[3 - j] along each axis, K = 0
    outside: output n of the repeated image meets pixel q by K[k] for n + k - 1 = 2q and 2q + 1, and
    in the transposed convolution by W[n - 2q + 1].

    Args:
        filters: channels of the result.
        kwargs: of `keras.layers.Conv2D`, but for its kernel's size, strides, padding and dilation.

    >>> import numpy as np
    >>> tuple(UpsampleConv2D(3)(np.zeros((1, 7, 5, 8), "float32")).shape)
    (1, 14, 10, 3)
    """

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(filters, 3, **{**kwargs, **_FIXED})

    def call(self, inputs: Tensor) -> Tensor:
        """Maps images `(batch, height, width, channels)` to `(batch, 2 height, 2 width, filters)`."""
        kernel = _paired(ops.cast(self.kernel, inputs.dtype))
        bias = ops.cast(self.bias, inputs.dtype) if self.use_bias else None
        outputs = conv_transpose(inputs, kernel, (2, 2), "same", bias)
        return outputs if self.activation is None else self.activation(outputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Twice the height and the width."""
        batch, height, width, _ = input_shape
        return batch, height and 2 * height, width and 2 * width, self.filters

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        config = super().get_config()
        return {name: value for name, value in config.items() if name not in ("kernel_size", *_FIXED)}


_FIXED = {
    "strides": 1,
    "padding": "same",
    "data_format": "channels_last",
    "dilation_rate": 1,
    "groups": 1,
}


def _paired(kernel: Tensor) -> Tensor:
    """Turns `(3, 3, channels, filters)` into the transposed `(4, 4, filters, channels)`."""
    kernel = ops.transpose(ops.flip(kernel, (0, 1)), (0, 1, 3, 2))
    for axis in (0, 1):
        before, after = ([(0, 0)] * axis + [pad] + [(0, 0)] * (3 - axis) for pad in ((0, 1), (1, 0)))
        kernel = ops.pad(kernel, before) + ops.pad(kernel, after)
    return kernel
