"""Memorisation: are samples nearer to the training set than new data are?

All distances are Euclidean, between raw values or between features. The training set may be a
`LazyArray`: it is read once, in blocks.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from kgen.metrics.card import Card
from kgen.metrics.checks import as_pair, as_vectors, check_size, check_varied
from kgen.metrics.distances import nearest
from kgen.metrics.proportions import share_card

if TYPE_CHECKING:
    from kgen.data import LazyArray


def nearest_distance(samples: np.ndarray, train: "np.ndarray | LazyArray") -> Card:
    """Measures the mean distance of a sample to the training example nearest to it.

    The number to compare with is that of test data against the same training set: a mean well below
    says memorised, well above says off the data.

    Args:
        samples: (n, ...), flattened.
        train: (m, ...), of the same shape for each example.

    Returns:
        The card, in the unit of the data.

    Raises:
        ValueError: for different shapes, NaN, fewer than 20 or identical samples.

    >>> x = np.arange(100.0)[:, None]
    >>> nearest_distance(x[:50] + 0.25, x).value
    0.25
    """
    check_varied(as_vectors(samples, "samples"), "samples")
    notes = check_size("nearest_distance", len(samples), floor=20, recommended=1000)
    distance = nearest(samples, train)[1][:, 0]
    return Card(
        metric="nearest_distance",
        value=float(distance.mean()),
        higher_is_better=None,
        error=float(distance.std(ddof=1) / math.sqrt(len(distance))),
        method="standard error over samples",
        samples=len(distance),
        reference=len(train),
        notes=notes,
    )


def copied_share(samples: np.ndarray, train: "np.ndarray | LazyArray") -> Card:
    """Measures the share of the samples that equal a training example in every value.

    Arguments and errors as `nearest_distance`.

    >>> x = np.arange(100.0)[:, None]
    >>> copied_share(np.concatenate([x[:10], x[:30] + 0.25]), x).value
    0.25
    """
    check_varied(as_vectors(samples, "samples"), "samples")
    notes = check_size("copied_share", len(samples), floor=20, recommended=1000)
    copied = nearest(samples, train)[1][:, 0] == 0
    return share_card("copied_share", copied, reference=len(train), notes=notes)


def memorisation(samples: np.ndarray, train: "np.ndarray | LazyArray", test: np.ndarray) -> Card:
    """Measures how often a sample is nearer to the training set than a test example is.

        P(d(sample) < d(test)) + P(d(sample) = d(test)) / 2,   d: distance to the nearest of train

    0.5 is a model that treats training data as it treats new data; 1 has learned by heart; 0 is far
    from all data. A model that copies some examples and is off the data elsewhere can hide at 0.5.
    The notes give the share of the samples that are nearer than the median of the test set, the z
    of the rank test, C_T of the source in one cell (below -3: copying), and the exact copies.

    Args:
        samples: (n, ...), flattened.
        train: (m, ...), what the model was trained on.
        test: (k, ...), of the same distribution, and never trained on.

    Returns:
        The card; the error is that of a rank statistic of n samples and k test examples.

    Raises:
        ValueError: for different shapes, NaN, fewer than 20 or identical samples or test examples.

    Source: "A Non-Parametric Test to Detect Data-Copying in Generative Models" (Meehan et al., 2020),
    section 3; the error: "Comparing the Areas under Two or More Correlated Receiver Operating
    Characteristic Curves" (DeLong et al., 1988).

    >>> x = np.random.default_rng(0).normal(size=(300, 2))
    >>> memorisation(x[:100], x[:200], x[200:]).value
    1.0
    """
    for vectors, name in zip(as_pair(samples, test), ("samples", "test examples"), strict=True):
        check_varied(vectors, name)
    few = min(len(samples), len(test))
    notes = check_size("memorisation", few, floor=20, recommended=1000, what="samples or test examples")
    of_samples, of_test = (nearest(x, train)[1][:, 0] for x in (samples, test))
    farther = 1.0 - _rank(of_samples, of_test)
    nearer = _rank(of_test, of_samples)
    value = float(farther.mean())
    return Card(
        metric="memorisation",
        value=value,
        higher_is_better=None,
        error=math.sqrt(farther.var(ddof=1) / len(farther) + nearer.var(ddof=1) / len(nearer)),
        method="rank statistic",
        samples=len(samples),
        reference=len(train),
        notes=(
            f"{(of_samples < np.median(of_test)).mean():.3f} nearer than the median of the test set",
            f"C_T {_z(value, len(samples), len(test)):.1f}",
            f"{(of_samples == 0).sum()} exact copies",
            f"{len(test)} test examples",
            *notes,
        ),
    )


def _rank(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The share of the others below each value, equal ones counted half."""
    others = np.sort(others)
    both = np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")
    return both / (2 * len(others))


def _z(value: float, n: int, k: int) -> float:
    """The rank-sum z of distances, negative where samples are nearer: (1/2 - value) / its deviation."""
    return (0.5 - value) / math.sqrt((n + k + 1) / (12 * n * k))
