"""The parts of layers that PyTorch has fused operations for, on images with the channels last.

Channels last in memory is also torch's fastest layout: a permuted view, no copy, is what its own
layers call channels first in the memory format `channels_last`.
"""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import functional

from kgen.backend.scope import Tensor

# Whether `group_norm` and `attention` are fused: they lack some derivatives.
_FUSES = contextvars.ContextVar("fuses", default=True)


@contextlib.contextmanager
def plain_operations() -> Iterator[None]:
    """Does without `group_norm` and `attention`: they lack forward, the latter second derivatives."""
    token = _FUSES.set(False)
    try:
        yield
    finally:
        _FUSES.reset(token)


def batch_norm(
    x: Tensor, scale: Tensor, offset: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """See `kgen.backend.batch_norm`."""
    y, mean, inverse = torch.native_batch_norm(
        x.permute(0, 3, 1, 2), scale, offset, None, None, True, 0.0, epsilon
    )
    variance = inverse.detach() ** -2 - epsilon
    return y.permute(0, 2, 3, 1), mean.detach(), torch.clamp(variance, min=0.0)


def group_norm(
    x: Tensor, scale: Tensor | None, offset: Tensor | None, groups: int, epsilon: float
) -> Tensor | None:
    """See `kgen.backend.group_norm`."""
    if not _FUSES.get():
        return None
    batch, channels = x.shape[0], x.shape[-1]
    rows = x.reshape(batch, -1, channels)
    if x.is_cpu:
        return _GroupNorm.apply(rows, scale, offset, groups, epsilon).reshape(x.shape)
    y = functional.group_norm(rows.transpose(1, 2), groups, scale, offset, epsilon)
    return y.transpose(1, 2).reshape(x.shape)


class _GroupNorm(torch.autograd.Function):
    """Sums over positions, then a multiple of x: on most shapes 2 to 3 times as fast as torch's kernel.

    That has its channels in the inner loop, and groups of few channels, which are usual.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, scale: Tensor | None, offset: Tensor | None, groups: int, epsilon: float
    ) -> Tensor:
        """Normalises `(batch, n, channels)`."""
        mean = _group_mean(x, groups)
        square = _group_mean(x * x, groups)
        inverse = torch.rsqrt(torch.clamp(square - mean * mean, min=0.0) + epsilon)
        ctx.save_for_backward(x, scale, mean, inverse)
        ctx.groups = groups
        factor = inverse if scale is None else inverse * scale
        shift = -mean * factor
        return torch.addcmul(shift if offset is None else shift + offset, x, factor)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple:
        """Gives the gradients of x, scale and offset.

        With z = (x - m) r and g the gradient of z: r (g - mean(g) - z mean(g z)), group by group.
        """
        x, scale, mean, inverse = ctx.saved_tensors
        sums = cotangent.sum(1, keepdim=True)
        products = ((cotangent * x).sum(1, keepdim=True) - mean * sums) * inverse  # with z
        g, g_z = (sums, products) if scale is None else (scale * sums, scale * products)
        g, g_z = (_over_groups(total, ctx.groups) / x.shape[1] for total in (g, g_z))
        factor = inverse if scale is None else inverse * scale
        slope = -inverse * inverse * g_z
        gradient = torch.addcmul(-inverse * g - mean * slope, cotangent, factor)
        gradient = torch.addcmul(gradient, x, slope)
        if scale is None:
            return gradient, None, None, None, None
        return gradient, products.sum((0, 1)), sums.sum((0, 1)), None, None


def _group_mean(x: Tensor, groups: int) -> Tensor:
    return _over_groups(x.sum(1, keepdim=True), groups) / x.shape[1]


def _over_groups(x: Tensor, groups: int) -> Tensor:
    """Averages `(batch, 1, channels)` over each group; every channel gets its group's mean."""
    means = x.unflatten(2, (groups, -1)).mean(-1, keepdim=True)
    return means.expand(-1, -1, -1, x.shape[2] // groups).flatten(2)


def attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor | None:
    """See `kgen.backend.attention`."""
    if not _FUSES.get():
        return None
    return functional.scaled_dot_product_attention(queries, keys, values)


def conv(
    inputs: Tensor, kernel: Tensor, bias: Tensor | None, strides: tuple[int, int], padding: str
) -> Tensor:
    """See `kgen.backend.conv`: adds the bias as it goes, and copies nothing."""
    margins = (0, 0)
    if padding == "same":
        sizes = zip(inputs.shape[1:3], kernel.shape[:2], strides, strict=True)
        totals = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in sizes]
        margins = [total // 2 for total in totals]
        if any(total % 2 for total in totals):  # one pixel more after than before
            (top, left), (height, width) = margins, totals
            inputs = functional.pad(inputs, (0, 0, left, width - left, top, height - top))
            margins = (0, 0)
    outputs = functional.conv2d(
        inputs.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias, strides, tuple(margins)
    )
    return outputs.permute(0, 2, 3, 1)


def conv_transpose(
    inputs: Tensor, kernel: Tensor, bias: Tensor | None, strides: tuple[int, int], padding: str
) -> Tensor | None:
    """See `kgen.backend.conv_transpose`: with even margins torch cuts them off itself, Keras copies."""
    margins = [size - stride for size, stride in zip(kernel.shape, strides, strict=False)]
    if padding != "same" or any(margin < 0 or margin % 2 for margin in margins):
        return None
    outputs = functional.conv_transpose2d(
        inputs.permute(0, 3, 1, 2),
        kernel.permute(3, 2, 0, 1),
        bias,
        strides,
        padding=[margin // 2 for margin in margins],
    )
    return outputs.permute(0, 2, 3, 1)
