"""Maximum mean discrepancy: how well a kernel tells samples from a reference. Unbiased, with errors."""

import math
from collections.abc import Callable

import numpy as np

from kgen.metrics.card import Card
from kgen.metrics.checks import as_pair, check_distinct, check_size, check_varied
from kgen.metrics.distances import blocks, squared_distances
from kgen.metrics.jackknife import jackknife_error, normal_interval

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Takes vectors `(n, d)` and `(m, d)`, gives their kernel `(n, m)`."""

_FLOOR = 10
_RECOMMENDED = 1000
_MEDIAN_OF = 1000


def polynomial_kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gives (x·y / d + 1)³, `(n, m)`, for vectors `(n, d)` and `(m, d)`.

    Source: "Demystifying MMD GANs" (Bińkowski et al., 2018), section 4.

    >>> polynomial_kernel(np.ones((1, 4)), np.ones((1, 4)))
    array([[8.]])
    """
    products = x @ y.T
    products /= x.shape[1]
    products += 1
    return products * products * products  # a power would be ten times slower


def kernel_distance(samples: np.ndarray, reference: np.ndarray) -> Card:
    """Measures the kernel distance (KID): the squared MMD with a cubic polynomial kernel.

    Lower is better; unbiased, so below zero at times. The whole sets are compared, not subsets: the
    mean is the same, and the error smaller.

    Args:
        samples: features `(n, ...)`, flattened, at least 10.
        reference: `(m, ...)`, of real data.

    Returns:
        A card, with the jackknife's standard error over both sets.

    Raises:
        ValueError: for NaN, no or identical examples, other dimensions than the reference, too few, or
            the reference itself as samples.

    Source: "Demystifying MMD GANs" (Bińkowski et al., 2018), section 4.

    >>> rng = np.random.default_rng(0)
    >>> card = kernel_distance(rng.normal(size=(1000, 3)), rng.normal(size=(1000, 3)))
    >>> card.interval[0] < 0 < card.interval[1]
    True
    """
    x, y, notes = _prepare("kernel_distance", samples, reference)
    return _card("kernel_distance", x, y, polynomial_kernel, notes)


def mmd(
    samples: np.ndarray, reference: np.ndarray, bandwidth: float | None = None, seed: int = 0
) -> Card:
    """Measures the squared MMD with a Gaussian kernel; lower is better; unbiased.

    Args:
        samples: `(n, ...)`, flattened, at least 10.
        reference: `(m, ...)`, of real data.
        bandwidth: s in exp(-|x - y|² / 2 s²), in the unit of the data; None: the median distance
            between reference examples (of 1000 drawn by `seed`), so that generators are measured
            with one kernel.
        seed: of that draw.

    Returns:
        A card, with the jackknife's standard error over both sets, and the bandwidth in the notes.

    Raises:
        ValueError: as `kernel_distance`, and for a bandwidth not above 0.

    Source: "A Kernel Two-Sample Test" (Gretton et al., 2012), equation 3.

    >>> rng = np.random.default_rng(0)
    >>> card = mmd(rng.normal(size=(1000, 3)), rng.normal(size=(1000, 3)), bandwidth=1.0)
    >>> card.interval[0] < 0 < card.interval[1]
    True
    """
    if bandwidth is not None and not (math.isfinite(bandwidth) and bandwidth > 0):
        raise ValueError(f"expected a bandwidth > 0, in the unit of the data, got {bandwidth}")
    x, y, notes = _prepare("mmd", samples, reference)
    x, y = x - y.mean(axis=0), y - y.mean(axis=0)
    width = bandwidth or _median_distance(y, seed)
    # k(x, y) = exp(-|x - y|² / 2 s²)
    notes = (f"squared, bandwidth {width:.4g}", *notes)
    card = _card("mmd", x, y, lambda x, y: np.exp(squared_distances(x, y) / (-2 * width**2)), notes)
    return card.with_(seed=seed)


def _prepare(
    metric: str, samples: np.ndarray, reference: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Both sets as vectors, checked, and the notes on their sizes."""
    x, y = as_pair(samples, reference)
    notes = check_size(metric, len(x), _FLOOR, _RECOMMENDED)
    notes += check_size(metric, len(y), _FLOOR, _RECOMMENDED, "reference examples")
    check_varied(x, "samples")
    check_varied(y, "reference examples")
    check_distinct(x, y)
    return x, y, notes


def _median_distance(x: np.ndarray, seed: int) -> float:
    if len(x) > _MEDIAN_OF:
        x = x[np.random.default_rng(seed).choice(len(x), _MEDIAN_OF, replace=False)]
    squares = squared_distances(x, x)[np.triu_indices(len(x), 1)]
    median = math.sqrt(np.median(squares))
    if median == 0:
        raise ValueError("most reference examples are identical: give a bandwidth")
    return median


def _card(metric: str, x: np.ndarray, y: np.ndarray, kernel: Kernel, notes: tuple[str, ...]) -> Card:
    value, error = _mmd(x, y, kernel)
    return Card(
        metric=metric,
        value=value,
        error=error,
        interval=normal_interval(value, error),
        method="jackknife of both sets",
        samples=len(x),
        reference=len(y),
        notes=notes,
    )


def _mmd(x: np.ndarray, y: np.ndarray, kernel: Kernel) -> tuple[float, float]:
    """The unbiased squared MMD, and its error; the kernel matrices are only ever summed."""
    n, m = len(x), len(y)
    within_x, within_y = _sums_within(x, kernel), _sums_within(y, kernel)
    across_x, across_y = _sums_across(x, y, kernel)
    # mean over i≠j of k(x_i, x_j) + the same of y - 2 mean of k(x_i, y_j)
    mean_x, mean_y = within_x.sum() / (n * (n - 1)), within_y.sum() / (m * (m - 1))
    value = mean_x + mean_y - 2 * across_x.sum() / (n * m)
    without_x = _left_out(within_x, across_x, m)
    without_y = _left_out(within_y, across_y, n)
    return float(value), math.hypot(jackknife_error(without_x), jackknife_error(without_y))


def _left_out(within: np.ndarray, across: np.ndarray, others: int) -> np.ndarray:
    """The terms of the squared MMD that change when example i of n is left out, for each i."""
    n = len(within)
    inner = (within.sum() - 2 * within) / ((n - 1) * (n - 2))
    return inner - 2 * (across.sum() - across) / ((n - 1) * others)


def _sums_within(x: np.ndarray, kernel: Kernel) -> np.ndarray:
    """The sum over j≠i of k(x_i, x_j), `(n,)`: each pair of blocks is computed once."""
    sums = np.zeros(len(x))
    for rows in blocks(len(x)):
        values = kernel(x[rows], x[rows.start :])
        np.fill_diagonal(values, 0.0)
        sums[rows] += values.sum(axis=1)
        later = values[:, rows.stop - rows.start :]
        sums[rows.stop :] += later.sum(axis=0)
    return sums


def _sums_across(x: np.ndarray, y: np.ndarray, kernel: Kernel) -> tuple[np.ndarray, np.ndarray]:
    """The sums of k(x_i, y_j) over j, `(n,)`, and over i, `(m,)`."""
    over_y, over_x = np.zeros(len(x)), np.zeros(len(y))
    for rows in blocks(len(x)):
        values = kernel(x[rows], y)
        over_y[rows] = values.sum(axis=1)
        over_x += values.sum(axis=0)
    return over_y, over_x
