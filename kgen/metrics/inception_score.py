"""The Inception score: are samples of clear classes, and of all of them?"""

import numpy as np

from kgen.metrics.card import Card
from kgen.metrics.checks import as_vectors, check_size
from kgen.metrics.jackknife import jackknife_error, normal_interval

_FLOOR = 10
_RECOMMENDED = 1000


def as_probabilities(array: np.ndarray) -> np.ndarray:
    """Gives a classifier's outputs as float64 probabilities `(n, classes)`.

    Raises ValueError where they do not lie in [0, 1] or a row does not sum to 1 within 1e-3.

    >>> as_probabilities(np.array([[0.25, 0.75]], np.float32))
    array([[0.25, 0.75]])
    """
    vectors = as_vectors(array, "probabilities")
    off = abs(vectors.sum(axis=1) - 1)
    worst = int(off.argmax())
    if vectors.min() < 0 or off[worst] > 1e-3:
        raise ValueError(
            "expected probabilities (n, classes), rows that sum to 1, got values from "
            f"{vectors.min():.3g} to {vectors.max():.3g} and a row of sum {vectors[worst].sum():.3g} "
            f"(number {worst}): of logits take a softmax"
        )
    return vectors / vectors.sum(axis=1, keepdims=True)


def inception_score(probabilities: np.ndarray) -> Card:
    """Measures the Inception score, from 1 to the number of classes; higher is better.

    It sees no reference: samples of one perfect picture a class have the highest score. The name is
    the formula's; with another classifier than Inception the numbers compare with its own only.

    Args:
        probabilities: `(n, classes)`, what the classifier says of each sample; at least 10 samples.

    Returns:
        A card, of all samples at once (papers often average over ten splits, which lowers it), with
        the jackknife's standard error.

    Raises:
        ValueError: for rows that are no probabilities, NaN, too few.

    Source: "Improved Techniques for Training GANs" (Salimans et al., 2016), section 4.

    >>> round(inception_score(np.eye(4)[np.arange(2000) % 4]).value, 9)
    4.0
    """
    p = as_probabilities(probabilities)
    notes = check_size("inception_score", len(p), _FLOOR, _RECOMMENDED)
    # exp(mean KL(p(y | x) || p(y))) = exp(H(p(y)) - mean H(p(y | x)))
    entropies = _entropy(p)
    value = float(np.exp(_entropy(p.mean(axis=0)) - entropies.mean()))
    others = len(p) - 1
    without = _entropy((p.sum(axis=0) - p) / others) - (entropies.sum() - entropies) / others
    error = jackknife_error(np.exp(without))
    return Card(
        metric="inception_score",
        value=value,
        error=error,
        interval=normal_interval(value, error),
        higher_is_better=True,
        method="jackknife",
        samples=len(p),
        notes=notes,
    )


def _entropy(p: np.ndarray) -> np.ndarray:
    """In nats, over the last axis; 0 log 0 = 0, also where leaving a row out rounds below 0."""
    p = np.maximum(p, 0.0)
    return -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=-1)
