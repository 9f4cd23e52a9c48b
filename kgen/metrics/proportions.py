"""How sure one can be of a share, and of a count of things that were seen."""

import math
from typing import Any

import numpy as np

from kgen.metrics.card import Card

_Z = 1.959963984540054  # 95 % of a normal distribution lie within so many standard deviations


def wilson(hits: float, n: float) -> tuple[float, float]:
    """Gives the 95 % interval of a share of which `hits` of `n` were seen; it never leaves [0, 1].

    A fraction is an effective number, of hits that are not independent.

    Source: "Probable Inference, the Law of Succession, and Statistical Inference" (Wilson, 1927).

    >>> low, high = wilson(10, 10)
    >>> round(low, 4), high
    (0.7225, 1.0)
    """
    share, z2 = hits / n, _Z**2
    # the p with |share - p| = z sqrt(p (1 - p) / n)
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # of 0 or n hits an end is 0 or 1, which rounding misses
    return max(min(centre - half, share), 0.0), min(max(centre + half, share), 1.0)


def share_card(metric: str, hits: np.ndarray, **fields: Any) -> Card:
    """Makes the card of a share, from one bool a sample: binomial error, Wilson's interval.

    `fields` are further fields of the `Card`.

    >>> str(share_card("copied_share", np.array([True, False, False, False])))
    'copied_share 0.25 ± 0.22 (n = 4)'
    """
    n, share = len(hits), float(np.mean(hits))
    return Card(
        metric=metric,
        value=share,
        error=math.sqrt(share * (1 - share) / n),
        interval=wilson(int(np.sum(hits)), n),
        method="binomial, Wilson interval",
        samples=n,
        **fields,
    )


def seen_error(counts: np.ndarray) -> float:
    """Gives the standard error of how many of several things were seen, from how often each was.

    It is that of a bootstrap without its draws: a thing seen c times of n is in a new draw with the
    chance q = 1 - (1 - c/n)^n, and the variance of the number seen is about sum q (1 - q). What was
    never seen counts as impossible: where many things are rare, the error is too small.

    >>> seen_error(np.array([500, 500, 0]))
    0.0
    >>> round(seen_error(np.array([999, 1])), 2)  # the second is missed with chance 1/e
    0.48
    """
    n = counts.sum()
    chance = 1.0 - (1.0 - counts / n) ** n
    return math.sqrt(float((chance * (1.0 - chance)).sum()))
