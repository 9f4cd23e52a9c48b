"""The classifier two-sample test: can a classifier tell samples from data?"""

from typing import Any, Protocol

import numpy as np

from kgen.metrics.card import Card
from kgen.metrics.checks import as_pair, check_distinct, check_size, check_varied
from kgen.metrics.proportions import share_card


class Classifier(Protocol):
    """What tells two classes apart: any classifier of scikit-learn, or an object like one."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> Any:
        """Learns from vectors (n, d) and labels 0 and 1 (n,)."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Gives the labels (n,) of vectors (n, d)."""


def two_sample_accuracy(
    samples: np.ndarray, reference: np.ndarray, classifier: Classifier | None = None, seed: int = 0
) -> Card:
    """Measures how well a classifier tells samples from reference on examples it has not seen.

    0.5 is chance: this classifier sees no difference. It is trained on a random half of each set and
    measured on the other; of the larger set as many examples as the smaller has are used. The notes
    give the p-value: the chance of so high an accuracy if the two sets were of one distribution.

    Args:
        samples: (n, ...), flattened; raw, or features.
        reference: (m, ...), of the same shape for each example.
        classifier: fitted here; None: the network of the source, 20 hidden ReLU units on standardised
            values, which stops early.
        seed: of the halves, and of that network.

    Returns:
        The card: accuracy in [0, 1] with its binomial error and Wilson's interval. They hold for this
        trained classifier; another half would train another.

    Raises:
        ValueError: for different shapes, NaN, fewer than 50 examples, identical examples, or the same
            array twice.

    Source: "Revisiting Classifier Two-Sample Tests" (Lopez-Paz and Oquab, 2017), equation 2.

    >>> rng = np.random.default_rng(0)
    >>> card = two_sample_accuracy(rng.normal(size=(1000, 2)), rng.normal(size=(1000, 2)) + 9.0)
    >>> card.value, card.samples
    (1.0, 1000)
    """
    a, b = as_pair(samples, reference)
    n = min(len(a), len(b))
    notes = check_size("two_sample_accuracy", n, floor=50, recommended=1000)
    check_varied(a, "samples")
    check_varied(b, "reference")
    check_distinct(a, b)
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.permutation(a)[:n], rng.permutation(b)[:n]])
    y = np.repeat([1, 0], n)
    train = np.tile(np.arange(n) < n // 2, 2)
    classifier = classifier if classifier is not None else _small_network(seed)
    classifier.fit(x[train], y[train])
    right = np.asarray(classifier.predict(x[~train])) == y[~train]
    chance = f"p-value {_p_value(int(right.sum()), len(right)):.2g}"
    notes = (chance, f"{len(right)} held out", _name(classifier), *notes)
    card = share_card("two_sample_accuracy", right, reference=n, seed=seed, notes=notes)
    return card.with_(samples=n)


def _small_network(seed: int) -> Classifier:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    network = MLPClassifier((20,), early_stopping=True, max_iter=100, random_state=seed)
    return make_pipeline(StandardScaler(), network)


def _p_value(right: int, n: int) -> float:
    """P(Binomial(n, 1/2) >= right)."""
    from scipy.stats import binom

    return float(binom.sf(right - 1, n, 0.5))


def _name(classifier: Classifier) -> str:
    return f"classifier {' '.join(repr(classifier).split())}"  # in one line
