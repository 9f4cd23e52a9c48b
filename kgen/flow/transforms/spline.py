"""Monotone rational-quadratic splines, the identity outside of an interval."""

import dataclasses
import math
from typing import NamedTuple

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.flow.transforms.base import Elementwise

_LEAST = 1e-3  # of a bin's share of the interval, and of a slope


class _Bin(NamedTuple):
    """The bin that a number falls in: left, bottom, width, height, and the slopes at its ends."""

    x: Tensor
    y: Tensor
    width: Tensor
    height: Tensor
    slope0: Tensor
    slope1: Tensor

    @property
    def slope(self) -> Tensor:
        """The mean slope of the bin, s in the paper."""
        return self.height / self.width


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class RationalQuadratic(Elementwise):
    """A rational-quadratic spline on [-bound, bound], the identity outside.

    Args:
        bins: K, at least 2. The params are K widths, K heights and K - 1 inner slopes, before
            softmax and softplus.
        bound: half the length of the interval, on either side alike.

    Raises:
        ValueError: where a number is out of range.

    Source: "Neural Spline Flows" (Durkan et al., 2019), equations 4 to 8.

    >>> import numpy as np
    >>> spline = RationalQuadratic(bins=4)
    >>> x = np.array([[-1e4, 0.5]], "float32")
    >>> y, _ = spline.call_and_ladj(x, np.zeros((1, 2, spline.parameters), "float32"))
    >>> [round(float(v), 4) for v in y[0]]
    [-10000.0, 0.5]
    """

    bins: int = 8
    bound: float = 5.0

    def __post_init__(self) -> None:
        """Checks the arguments."""
        if not 2 <= self.bins < 1 / _LEAST or self.bound <= 0:
            raise ValueError(
                f"expected 2 <= bins < {1 / _LEAST:g} and bound > 0, got {self.bins}, {self.bound}"
            )

    @property
    def parameters(self) -> int:
        """Widths, heights and inner slopes."""
        return 3 * self.bins - 1

    def call_and_ladj(self, x: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """Gives the spline at x and the logarithm of its slope."""
        inside = ops.clip(x, -self.bound, self.bound)
        at = self._bin(inside, params, of_heights=False)
        u = ops.clip((inside - at.x) / at.width, 0.0, 1.0)
        ladj = _log_slope(u, at)
        # equation 4: y = y_k + h (s u^2 + d_k u (1 - u)) / (s + (d_k + d_k+1 - 2 s) u (1 - u))
        v = u * (1.0 - u)
        top = at.slope * u * u + at.slope0 * v
        bottom = at.slope + (at.slope0 + at.slope1 - 2.0 * at.slope) * v
        return self._tails(x, at.y + at.height * top / bottom, ladj)

    def inverse_and_ladj(self, y: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """Gives x, a root of a quadratic, and the logarithm of the inverse's slope."""
        inside = ops.clip(y, -self.bound, self.bound)
        at = self._bin(inside, params, of_heights=True)
        rise = inside - at.y
        bend = at.slope0 + at.slope1 - 2.0 * at.slope
        # equations 6 to 8: a u^2 + b u + c = 0
        a = at.height * (at.slope - at.slope0) + rise * bend
        b = at.height * at.slope0 - rise * bend
        c = -at.slope * rise
        # The discriminant is positive but for rounding; this form of the root does not cancel.
        root = ops.sqrt(ops.maximum(b * b - 4.0 * a * c, 1e-30))
        u = ops.clip(2.0 * c / (-b - root), 0.0, 1.0)
        x, ladj = self._tails(y, at.x + at.width * u, _log_slope(u, at))
        return x, -ladj

    def _tails(self, x: Tensor, y: Tensor, ladj: Tensor) -> tuple[Tensor, Tensor]:
        """The identity where x is outside."""
        inside = ops.abs(x) < self.bound
        return ops.where(inside, y, x), ops.where(inside, ladj, ops.zeros_like(ladj))

    def _bin(self, value: Tensor, params: Tensor, of_heights: bool) -> _Bin:
        """The bin that holds each value, an x, or with `of_heights` a y."""
        k = self.bins
        widths, left = self._shares(params[..., :k])
        heights, bottom = self._shares(params[..., k : 2 * k])
        # softplus(log(e - 1)) = 1: zeros mean slopes of 1; so do the ends
        slopes = _LEAST + (1.0 - _LEAST) * ops.softplus(params[..., 2 * k :] + math.log(math.e - 1.0))
        ones = ops.ones_like(slopes[..., :1])
        starts = bottom if of_heights else left
        # A bin is picked by a sum over a mask: compilers fuse that; a gather's gradient is slow.
        passed = ops.cast(ops.expand_dims(value, -1) >= starts[..., 1:], value.dtype)
        first = ops.ones_like(passed[..., :1])
        chosen = ops.concatenate([first, passed], -1) - ops.concatenate([passed, 0.0 * first], -1)
        slopes0, slopes1 = ops.concatenate([ones, slopes], -1), ops.concatenate([slopes, ones], -1)
        corners = (left, bottom, widths, heights, slopes0, slopes1)
        return _Bin(*(ops.sum(chosen * corner, axis=-1) for corner in corners))

    def _shares(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Cuts the interval into bins: their sizes and their beginnings, `(..., bins)` each."""
        shares = _LEAST + (1.0 - _LEAST * self.bins) * ops.softmax(logits, axis=-1)
        sizes = 2.0 * self.bound * shares
        return sizes, ops.cumsum(sizes, axis=-1) - sizes - self.bound


def _log_slope(u: Tensor, at: _Bin) -> Tensor:
    """Equation 5: the logarithm of dy/dx, from the place u in [0, 1] within the bin."""
    v = u * (1.0 - u)
    top = at.slope1 * u * u + 2.0 * at.slope * v + at.slope0 * ops.square(1.0 - u)
    bottom = at.slope + (at.slope0 + at.slope1 - 2.0 * at.slope) * v
    return 2.0 * ops.log(at.slope) + ops.log(top) - 2.0 * ops.log(bottom)
