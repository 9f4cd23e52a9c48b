"""Precision, recall, density and coverage: what is sampled, and what is left out, by neighbours."""

import math
from typing import Any, NamedTuple

import numpy as np

from kgen.metrics.card import Card
from kgen.metrics.checks import as_pair, check_distinct, check_size, check_varied
from kgen.metrics.distances import blocks, squared_distances
from kgen.metrics.proportions import wilson

_GROUPS = 4
_SPLITS = 4
# Student's t with 12 degrees of freedom (four splits, each in four groups) holds 95 % within:
_T95 = 2.178813
_RECOMMENDED = 1000


class PrecisionRecall(NamedTuple):
    """Four cards; each is higher where the samples are better."""

    precision: Card
    """Share of the samples that lie in a ball of the reference."""
    recall: Card
    """Share of the reference examples that lie in a ball of the samples."""
    density: Card
    """How many balls of the reference hold a sample, over k: 1 expected of perfect samples."""
    coverage: Card
    """Share of the balls of the reference that hold a sample."""


def precision_recall(
    samples: np.ndarray, reference: np.ndarray, k: int = 5, seed: int = 0
) -> PrecisionRecall:
    """Measures precision, recall, density and coverage, from balls that reach to k-th neighbours.

    All four depend on the sizes of the sets and on k: compare values of one size. Where one set is
    larger by half or more, it is therefore cut into parts as large as the other, and the values
    averaged; then five times the samples give the same value, with less noise.

    The error is that of the mean of four groups, each a quarter of both sets, over four ways to deal
    them, and at least the binomial one. A bootstrap would draw points twice, which are then their
    own neighbours.

    Args:
        samples: features `(n, ...)`, flattened, at least 10 k.
        reference: `(m, ...)`, of real data.
        k: which neighbour a ball reaches to. Papers take 3 for precision and recall, 5 for density
            and coverage.
        seed: of the order in which the sets are cut.

    Returns:
        Four cards, `.precision`, `.recall`, `.density`, `.coverage`, their k in the notes.

    Raises:
        ValueError: for NaN, no or identical examples, other dimensions than the reference, too few
            for k, the reference itself as samples, or k below 1.

    Source: "Improved Precision and Recall Metric for Assessing Generative Models" (Kynkäänniemi et
    al., 2019), equations 1 and 2; "Reliable Fidelity and Diversity Metrics for Generative Models"
    (Naeem et al., 2020), equations 3 and 4.

    >>> rng = np.random.default_rng(0)
    >>> reference, tight = rng.normal(size=(1000, 2)), 0.1 * rng.normal(size=(1000, 2))
    >>> cards = precision_recall(tight, reference)
    >>> cards.precision.value > 0.99, cards.recall.value < 0.1
    (True, True)
    """
    if k < 1:
        raise ValueError(f"expected k >= 1, the neighbour that a ball reaches to, got {k}")
    x, y = as_pair(samples, reference)
    notes = check_size("precision_recall", len(x), 10 * k, _RECOMMENDED)
    notes += check_size("precision_recall", len(y), 10 * k, _RECOMMENDED, "reference examples")
    check_varied(x, "samples")
    check_varied(y, "reference examples")
    check_distinct(x, y)
    rng = np.random.default_rng(seed)
    x, y = x - y.mean(axis=0), y - y.mean(axis=0)  # keeps the digits of the distances
    values = _values(rng.permutation(x), rng.permutation(y), k)
    spreads = [_spread(rng.permutation(x), rng.permutation(y), k) for _ in range(_SPLITS)]
    errors = np.sqrt(np.mean(spreads, axis=0))
    common = {"samples": len(x), "reference": len(y), "seed": seed, "higher_is_better": True}
    common |= {"notes": (f"k = {k}", *_parts_note(len(x), len(y)), *notes)}
    precision, recall, density, coverage = zip(PrecisionRecall._fields, values, errors, strict=True)
    return PrecisionRecall(
        _share(*precision, len(x), common),
        _share(*recall, len(y), common),
        _density(*density, common),
        _share(*coverage, len(y), common),
    )


def _share(name: str, value: float, error: float, n: int, common: dict[str, Any]) -> Card:
    """The card of a share, which no interval may take out of [0, 1]."""
    variance = value * (1 - value)
    effective = min(n, variance / error**2) if variance and error else n
    return Card(
        metric=name,
        value=float(value),
        error=math.sqrt(variance / effective),
        interval=wilson(value * effective, effective),
        method="spread of 4 groups in 4 splits; Wilson interval",
        **common,
    )


def _density(name: str, value: float, error: float, common: dict[str, Any]) -> Card:
    return Card(
        metric=name,
        value=float(value),
        error=float(error),
        interval=(float(max(value - _T95 * error, 0.0)), float(value + _T95 * error)),
        method="spread of 4 groups in 4 splits",
        **common,
    )


def _parts(n: int, m: int) -> tuple[int, int]:
    """Into how many parts to cut either set, so that they are of one size."""
    return max(1, round(n / m)), max(1, round(m / n))


def _parts_note(n: int, m: int) -> tuple[str, ...]:
    parts = max(_parts(n, m))
    return (f"mean over {parts} parts, each as large as the smaller set",) if parts > 1 else ()


def _spread(x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """The variance of the mean over groups, each a share of both sets, `(4,)`."""
    groups = [_values(x[i::_GROUPS], y[i::_GROUPS], k) for i in range(_GROUPS)]
    return np.var(groups, axis=0, ddof=1) / _GROUPS


def _values(x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """The four values, the larger set cut into parts of the smaller one's size, `(4,)`."""
    a, b = _parts(len(x), len(y))
    return np.mean([_prdc(x[i::a], y[j::b], k) for i in range(a) for j in range(b)], axis=0)


def _prdc(x: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """Precision, recall, density and coverage of samples x against the reference y, `(4,)`."""
    radii_x, radii_y = _squared_radii(x, k), _squared_radii(y, k)
    balls = np.zeros(len(x))  # how many balls of the reference hold sample j
    recalled = np.zeros(len(y), bool)  # whether a ball of a sample holds reference example i
    nearest = np.full(len(y), np.inf)
    for rows in blocks(len(x)):
        squares = squared_distances(x[rows], y)
        balls[rows] = np.count_nonzero(squares < radii_y, axis=1)
        recalled |= (squares < radii_x[rows, None]).any(axis=0)
        nearest = np.minimum(nearest, squares.min(axis=0))
    covered = nearest < radii_y
    return np.array([(balls > 0).mean(), recalled.mean(), balls.mean() / k, covered.mean()])


def _squared_radii(x: np.ndarray, k: int) -> np.ndarray:
    """The squared distance of each x to its k-th nearest neighbour, itself not counted, `(n,)`."""
    radii = np.zeros(len(x))
    for rows in blocks(len(x)):
        squares = squared_distances(x[rows], x)
        squares[:, rows][np.diag_indices(len(squares))] = np.inf
        radii[rows] = np.partition(squares, k - 1, axis=1)[:, k - 1]
    return radii
