"""Wasserstein distances: how far, on average, the samples must move to become the reference."""

import math
from collections.abc import Callable

import numpy as np

from kgen.metrics.card import Card
from kgen.metrics.checks import as_pair, check_size, check_varied

_FOLDS = 10
_LARGEST = 2000  # points of an exact assignment: ten seconds


def sliced_wasserstein(
    samples: np.ndarray, reference: np.ndarray, projections: int = 512, p: float = 2.0, seed: int = 0
) -> Card:
    """Measures the Wasserstein distance on lines of random direction, where it is a matter of sorting.

        SW_p = (mean over directions u of W_p(u . samples, u . reference)^p)^(1/p)

    The sets may differ in size: W_p of a line compares the quantile functions exactly. The error
    counts the samples (the spread over disjoint tenths) and the choice of directions. Two sets of
    one distribution are not at distance 0: compare with the distance of real data. Within a few
    times that, the error is too small by up to a quarter.

    Args:
        samples: (n, ...), flattened.
        reference: (m, ...), of the same shape for each example.
        projections: how many directions.
        p: order of the distance, at least 1.
        seed: of the directions and of the tenths.

    Returns:
        The card; the value is in the unit of the data.

    Raises:
        ValueError: for different shapes, NaN, fewer than 50 examples, identical examples, p < 1,
            fewer than 2 projections.

    Source: "Sliced and Radon Wasserstein Barycenters of Measures" (Bonneel et al., 2015).

    >>> x = np.random.default_rng(0).normal(size=(1000, 1))
    >>> round(sliced_wasserstein(x + 0.5, x).value, 6)
    0.5
    """
    a, b = _prepare(samples, reference, p)
    notes = check_size("sliced_wasserstein", min(len(a), len(b)), floor=50, recommended=1000)
    if projections < 2:
        raise ValueError(f"expected projections >= 2, got {projections}")
    directions = np.random.default_rng(seed).standard_normal((a.shape[1], projections))
    directions /= np.linalg.norm(directions, axis=0)
    powers = _on_lines(a, b, directions, p)
    value = float(powers.mean() ** (1 / p))
    of_samples = _fold_error(lambda x, y: _on_lines(x, y, directions, p).mean() ** (1 / p), a, b, seed)
    # (v^p)' = p v^(p-1) turns the error of the mean power into one of its root
    of_lines = powers.std(ddof=1) / math.sqrt(projections) / (p * value ** (p - 1)) if value else 0.0
    return Card(
        metric="sliced_wasserstein",
        value=value,
        error=math.hypot(of_samples, of_lines),
        method=f"{_FOLDS} disjoint folds, {projections} projections",
        samples=len(a),
        reference=len(b),
        seed=seed,
        notes=(f"p = {p:g}", *notes),
    )


def wasserstein(samples: np.ndarray, reference: np.ndarray, p: float = 2.0, seed: int = 0) -> Card:
    """Measures the exact Wasserstein distance between small sets, best in few dimensions.

        W_p = (min over couplings of the mean of |x - y|^p)^(1/p)

    An assignment of equally many points solves it; sets of different size are repeated to a common
    one. In many dimensions even two sets of one distribution are far apart: prefer
    `sliced_wasserstein` there.

    Args:
        samples: (n, ...), flattened.
        reference: (m, ...), of the same shape for each example.
        p: order of the distance, at least 1.
        seed: of the disjoint tenths whose spread gives the error.

    Returns:
        The card; the value is in the unit of the data.

    Raises:
        ValueError: as `sliced_wasserstein`; and where the least common multiple of n and m is above
            2000: the time grows with its cube.

    Source: "Computational Optimal Transport" (Peyré and Cuturi, 2019), section 2.2.

    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> round(wasserstein(x + [3.0, 4.0], x).value, 6)
    5.0
    """
    a, b = _prepare(samples, reference, p)
    notes = check_size("wasserstein", min(len(a), len(b)), floor=50, recommended=500)
    common = math.lcm(len(a), len(b))
    if common > _LARGEST:
        raise ValueError(
            f"wasserstein of {len(a)} and {len(b)} points needs an assignment of {common}, above "
            f"{_LARGEST}: draw equally many and at most {_LARGEST}, or take sliced_wasserstein"
        )
    return Card(
        metric="wasserstein",
        value=_assign(a, b, p),
        error=_fold_error(lambda x, y: _assign(x, y, p), a, b, seed),
        method=f"{_FOLDS} disjoint folds",
        samples=len(a),
        reference=len(b),
        seed=seed,
        notes=(f"p = {p:g}", *notes),
    )


def _prepare(samples: np.ndarray, reference: np.ndarray, p: float) -> tuple[np.ndarray, np.ndarray]:
    if p < 1:
        raise ValueError(f"expected p >= 1, got {p}: below 1 it is no distance")
    a, b = as_pair(samples, reference)
    check_varied(a, "samples")
    check_varied(b, "reference")
    return a, b


def _on_lines(a: np.ndarray, b: np.ndarray, directions: np.ndarray, p: float) -> np.ndarray:
    """W_p^p on each line, float64 (projections,): the integral of |A^-1(t) - B^-1(t)|^p over t."""
    n, m = len(a), len(b)
    # Both quantile functions are steps; in units of 1/(nm) they jump at multiples of m and of n.
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    starts = np.concatenate([[0], ends[:-1]])
    widths = (ends - starts) / (n * m)
    powers = []
    for block in np.array_split(directions, -(-directions.shape[1] // 32), axis=1):
        gap = np.sort(a @ block, axis=0)[starts // m] - np.sort(b @ block, axis=0)[starts // n]
        powers.append(widths @ np.abs(gap) ** p)
    return np.concatenate(powers)


def _assign(a: np.ndarray, b: np.ndarray, p: float) -> float:
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    common = math.lcm(len(a), len(b))
    costs = cdist(a.repeat(common // len(a), axis=0), b.repeat(common // len(b), axis=0)) ** p
    return float(costs[linear_sum_assignment(costs)].mean() ** (1 / p))


def _fold_error(
    distance: Callable[[np.ndarray, np.ndarray], float], a: np.ndarray, b: np.ndarray, seed: int
) -> float:
    """The spread of the distance over disjoint tenths, divided by sqrt(10)."""
    rng = np.random.default_rng((seed, 1))  # not the stream of the directions
    a, b = rng.permutation(a), rng.permutation(b)
    values = [distance(a[i::_FOLDS], b[i::_FOLDS]) for i in range(_FOLDS)]
    return float(np.std(values, ddof=1) / math.sqrt(_FOLDS))
