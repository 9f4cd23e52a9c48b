"""Likelihoods in the unit that papers report."""

import math
from collections.abc import Sequence

import numpy as np


def bits_per_dim(
    log_prob: np.ndarray | float, shape: Sequence[int], range_width: float | None = None
) -> np.ndarray | float:
    """Converts log-likelihoods in nats per example to bits per dimension; lower is better.

    Args:
        log_prob: nats, one number an example (or their mean).
        shape: of one example, as (28, 28, 1).
        range_width: None for the probability of discrete values (a discretised likelihood): nothing
            is added. For a density: the width of the range to which the values 0..255 were scaled
            (2.0 for [-1, 1]); a density depends on the unit, and papers mean the unit of [0, 255].

    Returns:
        Float or array, the shape of `log_prob`.

    Raises:
        ValueError: where the shape is empty or the width is not above 0.

    Source: "A note on the evaluation of generative models" (Theis et al., 2016), section 3.1.

    >>> bits_per_dim(-28 * 28 * 8 * math.log(2), (28, 28, 1))
    8.0
    >>> round(bits_per_dim(0.0, (2,), range_width=2.0), 4)  # log2(127.5)
    6.9944
    """
    dims = math.prod(shape)
    if dims < 1 or not len(shape):
        raise ValueError(f"expected the shape of one example, as (28, 28, 1), got {tuple(shape)}")
    if range_width is not None and range_width <= 0:
        raise ValueError(f"expected range_width > 0, 2.0 for values in [-1, 1], got {range_width}")
    # x = c + v * width / 255, so p_v(v) = p_x(x) * (width / 255)**dims and
    # bits = -log2 p_v / dims = -log_prob / (dims ln 2) + log2(255 / width)
    offset = 0.0 if range_width is None else math.log2(255.0 / range_width)
    return -log_prob / (dims * math.log(2.0)) + offset
