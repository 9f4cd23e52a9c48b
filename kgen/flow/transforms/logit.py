"""The logit: from an interval to the whole line."""

import math

from keras import ops

from kgen.backend import Tensor
from kgen.flow.transforms.base import per_example


def logit_and_ladj(x: Tensor, low: float, high: float, alpha: float) -> tuple[Tensor, Tensor]:
    """Maps numbers of an interval to the line: log p - log(1 - p), p = alpha + (1 - 2 alpha) u.

    u is (x - low) / (high - low). Where p leaves (0, 1) the density is 0: the result is finite and
    the log-determinant -inf.

    Args:
        x: float `(batch, ...)`.
        low, high: the ends of the interval of the data.
        alpha: in [0, 1/2); above 0 the ends themselves have finite images.

    Returns:
        z of the shape of x, and the log-determinant, `(batch,)`.

    Source: "Density Estimation Using Real NVP" (Dinh et al., 2017), section 4.1.

    >>> import numpy as np
    >>> z, _ = logit_and_ladj(np.zeros((1, 2), "float32"), -1.0, 1.0, 0.05)
    >>> float(z[0, 0])
    0.0
    """
    p = alpha + (1.0 - 2.0 * alpha) * (x - low) / (high - low)
    inside = ops.logical_and(p > 0.0, p < 1.0)
    p = ops.where(inside, p, 0.5 * ops.ones_like(p))
    log_p, log_q = ops.log(p), ops.log1p(-p)
    # dz/dx = (1 - 2 alpha) / ((high - low) p (1 - p))
    ladj = math.log((1.0 - 2.0 * alpha) / (high - low)) - log_p - log_q
    return log_p - log_q, per_example(ops.where(inside, ladj, -math.inf * ops.ones_like(ladj)))


def expit_and_ladj(z: Tensor, low: float, high: float, alpha: float) -> tuple[Tensor, Tensor]:
    """Inverts `logit_and_ladj`: numbers of the line to the interval."""
    u = (ops.sigmoid(z) - alpha) / (1.0 - 2.0 * alpha)
    ladj = ops.log_sigmoid(z) + ops.log_sigmoid(-z) - math.log((1.0 - 2.0 * alpha) / (high - low))
    return low + (high - low) * u, per_example(ladj)
