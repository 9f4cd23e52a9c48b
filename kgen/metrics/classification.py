"""What a classifier makes of samples that were asked for by class."""

import numpy as np

from kgen.metrics.card import Card
from kgen.metrics.checks import as_labels, as_pair, check_distinct, check_size, check_varied
from kgen.metrics.inception_score import as_probabilities
from kgen.metrics.proportions import share_card
from kgen.metrics.two_sample import Classifier

_FLOOR = 10
_RECOMMENDED = 1000


def class_accuracy(probabilities: np.ndarray, labels: np.ndarray) -> Card:
    """Measures the share of samples that a classifier takes for the class they were asked to be.

    Higher is better; with guidance it grows while the variety shrinks: read recall beside it.

    Args:
        probabilities: `(n, classes)`, what the classifier says of each sample; at least 10 samples.
        labels: `(n,)` integers, the class asked for.

    Returns:
        A card with the Wilson interval.

    Raises:
        ValueError: for rows that are no probabilities, NaN, too few, or labels that are no classes.

    >>> class_accuracy(np.eye(4)[np.arange(2000) % 4], np.arange(2000) % 4).value
    1.0
    """
    p = as_probabilities(probabilities)
    labels = as_labels(labels, len(p), "samples")
    if labels.min() < 0 or labels.max() >= p.shape[1]:
        raise ValueError(
            f"expected labels from 0 to {p.shape[1] - 1}, got {labels.min()} to {labels.max()}"
        )
    notes = check_size("class_accuracy", len(p), _FLOOR, _RECOMMENDED)
    right = p.argmax(axis=1) == labels
    return share_card("class_accuracy", right, higher_is_better=True, notes=notes)


def classification_accuracy_score(
    samples: np.ndarray,
    sample_labels: np.ndarray,
    reference: np.ndarray,
    reference_labels: np.ndarray,
    classifier: Classifier | None = None,
) -> Card:
    """Trains a classifier on samples, and measures its accuracy on real data; higher is better.

    The interval is of the real examples tested, for this classifier: more samples to learn from
    give a better one, so compare scores of equally many samples.

    Args:
        samples: `(n, ...)`, flattened, pixels or features.
        sample_labels: `(n,)` integers, the classes asked for.
        reference: `(m, ...)`, real examples, best such that the generator has not seen.
        reference_labels: `(m,)` integers.
        classifier: an object with `fit` and `predict`, which is trained here; None: scikit-learn's
            logistic regression on standardised values.

    Returns:
        A card with the Wilson interval.

    Raises:
        ValueError: for NaN, no or identical examples, other dimensions than the reference, too few,
            labels of another number, a single class, real classes that no sample has, or the
            reference itself as samples.
        ImportError: where no classifier is given and scikit-learn is not installed.

    Source: "Classification Accuracy Score for Conditional Generative Models" (Ravuri and Vinyals,
    2019), section 3.

    >>> x, labels = np.arange(1000.0).reshape(-1, 1), np.arange(1000) // 500
    >>> classification_accuracy_score(x, labels, x + 0.1, labels).value
    1.0
    """
    x, y = as_pair(samples, reference)
    ours = as_labels(sample_labels, len(x), "samples")
    theirs = as_labels(reference_labels, len(y), "reference examples")
    notes = check_size("classification_accuracy_score", len(x), _FLOOR, _RECOMMENDED)
    notes += check_size("classification_accuracy_score", len(y), _FLOOR, _FLOOR, "reference examples")
    check_varied(x, "samples")
    check_distinct(x, y)
    _check_classes(ours, theirs)
    classifier = classifier or _logistic_regression()
    classifier.fit(x, ours)
    right = np.asarray(classifier.predict(y)) == theirs
    fields = {"reference": len(y), "higher_is_better": True}
    fields |= {"notes": (f"trained: {type(classifier).__name__}", *notes)}
    return share_card("classification_accuracy_score", right, **fields).with_(samples=len(x))


def _check_classes(ours: np.ndarray, theirs: np.ndarray) -> None:
    missing = sorted(set(theirs.tolist()) - set(ours.tolist()))
    if missing:
        raise ValueError(f"no sample of the classes {missing}, which the reference has: draw some")
    if len(set(ours.tolist())) < 2:
        raise ValueError(f"expected samples of two classes or more, all are of class {ours[0]}")


def _logistic_regression() -> Classifier:
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise ImportError(
            'the default classifier needs scikit-learn: pip install "kgen[eval]", or give one',
            name="sklearn",
        ) from error
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
