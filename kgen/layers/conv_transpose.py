"""The transposed convolution, fast on every backend.

On JAX on a CPU, XLA compiles the kernel gradient of `lax.conv_transpose` to a naive loop. Written
as a matrix product, the same numbers come 9 to 40 times faster for the wide layers of a DCGAN, and
its whole training step 4 times. A `jax.custom_vjp` is no faster with a kernel of 4 (1.6 times with
5), and has no forward-mode derivative.

On TensorFlow on a CPU the layer that writes gray images is slow: oneDNN has no good kernel for one
channel. `recipes/benchmarks/engine.py` shows what the product gains there; to three channels it was
slower.
"""

import keras
import numpy as np
from keras import ops

from kgen import backend
from kgen.backend import Tensor, prefers_matmul


@keras.saving.register_keras_serializable("kgen")
class Conv2DTranspose(keras.layers.Conv2DTranspose):
    """Gives what `keras.layers.Conv2DTranspose` gives, by the faster of two ways.

    Arguments, weights, shapes and errors are those of the Keras layer. Channels first, dilation and
    images of unknown size always go through `keras.ops.conv_transpose`.

    >>> import numpy as np
    >>> layer = Conv2DTranspose(3, 4, strides=2, padding="same")
    >>> tuple(layer(np.zeros((1, 7, 7, 8), "float32")).shape)
    (1, 14, 14, 3)
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Maps images `(batch, height, width, channels)` to larger ones."""
        outputs = self._fast(inputs)
        if outputs is None:
            return super().call(inputs)
        return outputs if self.activation is None else self.activation(outputs)

    def _fast(self, inputs: Tensor) -> Tensor | None:
        if self.data_format != "channels_last" or max(self.dilation_rate) > 1:
            return None
        kernel = ops.cast(self.kernel, inputs.dtype)
        bias = ops.cast(self.bias, inputs.dtype) if self.use_bias else None
        if self.output_padding is None:
            return conv_transpose(inputs, kernel, self.strides, self.padding, bias)
        if not prefers_matmul(self.filters) or None in inputs.shape[1:3]:
            return None
        padding = self.padding, self.output_padding
        return _plus(conv_transpose_by_matmul(inputs, kernel, self.strides, *padding), bias)


def conv_transpose(
    inputs: Tensor,
    kernel: Tensor,
    strides: tuple[int, int],
    padding: str,
    bias: Tensor | None = None,
) -> Tensor:
    """Computes `keras.ops.conv_transpose`, channels last, by the fastest way of the backend.

    Args:
        inputs: `(batch, height, width, channels)`.
        kernel: `(height, width, filters, channels)`.
        strides: of the two axes.
        padding: "valid" or "same".
        bias: `(filters,)`, added to the result; None: none.
    """
    outputs = None
    if prefers_matmul(kernel.shape[2]) and None not in inputs.shape[1:3]:
        outputs = conv_transpose_by_matmul(inputs, kernel, strides, padding)
    elif not isinstance(inputs, keras.KerasTensor):
        outputs = backend.conv_transpose(inputs, kernel, bias, strides, padding)
        if outputs is not None:
            return outputs
    if outputs is None:
        outputs = ops.conv_transpose(inputs, kernel, strides, padding, data_format="channels_last")
    return _plus(outputs, bias)


def _plus(outputs: Tensor, bias: Tensor | None) -> Tensor:
    return outputs if bias is None else outputs + bias


def conv_transpose_by_matmul(
    inputs: Tensor,
    kernel: Tensor,
    strides: tuple[int, int],
    padding: str,
    output_padding: tuple[int, int] | None = None,
) -> Tensor:
    """Computes `keras.ops.conv_transpose` as a matrix product whose results overlap and add up.

    With s the stride, each input pixel q adds x[q] @ W[k] to the output pixels s q + k. Let
    k = s j + r with 0 <= r < s: the product goes to phase r of the coarse pixel q + j. So add up
    one shifted copy of the products for each j on the coarse grid, then interleave the phases.

    Args:
        inputs: `(batch, height, width, channels)`; the batch may be unknown.
        kernel: `(height, width, filters, channels)`.
        strides: of the two axes.
        padding: "valid" or "same".
        output_padding: of the two axes; None: Keras' default.

    Returns:
        `(batch, new_height, new_width, filters)`.
    """
    height, width = inputs.shape[1:3]
    filters, channels = kernel.shape[2:]
    sh, sw = strides
    jh, jw = -(-kernel.shape[0] // sh), -(-kernel.shape[1] // sw)

    matrix = _phases(kernel, strides)
    products = ops.matmul(ops.reshape(inputs, (-1, channels)), matrix)
    products = ops.reshape(products, (-1, height, width, jh * jw * sh * sw * filters))

    shifted = [
        ops.pad(product, ((0, 0), (i, jh - 1 - i), (j, jw - 1 - j), (0, 0)))
        for (i, j), product in zip(np.ndindex(jh, jw), ops.split(products, jh * jw, -1), strict=True)
    ]
    coarse = sum(shifted[1:], start=shifted[0])

    height, width = height + jh - 1, width + jw - 1
    fine = ops.reshape(coarse, (-1, height, width, sh, sw, filters))
    fine = ops.transpose(fine, (0, 1, 3, 2, 4, 5))
    fine = ops.reshape(fine, (-1, height * sh, width * sw, filters))

    output_padding = output_padding or (None, None)
    for axis in (0, 1):
        start, length = _window(
            inputs.shape[1 + axis], kernel.shape[axis], strides[axis], padding, output_padding[axis]
        )
        fine = _crop(fine, 1 + axis, start, length)
    return fine


def _phases(kernel: Tensor, strides: tuple[int, int]) -> Tensor:
    """Sorts a kernel's taps by coarse shift and phase: (channels, jh * jw * sh * sw * filters)."""
    kh, kw, filters, channels = kernel.shape
    (sh, sw), (jh, jw) = strides, (-(-kh // strides[0]), -(-kw // strides[1]))
    kernel = ops.pad(kernel, ((0, jh * sh - kh), (0, jw * sw - kw), (0, 0), (0, 0)))
    kernel = ops.reshape(kernel, (jh, sh, jw, sw, filters, channels))
    return ops.reshape(ops.transpose(kernel, (5, 0, 2, 1, 3, 4)), (channels, -1))


def _window(
    size: int, kernel: int, stride: int, padding: str, output_padding: int | None
) -> tuple[int, int]:
    """The part of the whole result that Keras keeps: where it starts, and its length."""
    if padding == "valid":
        extra = max(stride - kernel, 0) if output_padding is None else output_padding
        return 0, (size - 1) * stride + kernel + extra
    if output_padding is None:
        length = size * stride
    else:
        length = (size - 1) * stride + kernel % 2 + output_padding
    # "same" cuts off the surplus on both sides, the larger half on the right, but at least nothing.
    added = length - (size - 1) * stride + kernel - 2
    return max(kernel - 1 - (added + 1) // 2, 0), length


def _crop(x: Tensor, axis: int, start: int, length: int) -> Tensor:
    """Takes `length` pixels from `start` on; zeros where x ends before."""
    stop = min(start + length, x.shape[axis])
    x = ops.split(x, [start, stop], axis)[1]  # TensorFlow takes long over the gradient of a slice
    missing = start + length - stop
    return x if not missing else ops.pad(x, [(0, missing if a == axis else 0) for a in range(4)])
