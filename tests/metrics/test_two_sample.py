"""The classifier two-sample test where the best accuracy is known, or a classifier is written down."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from kgen.metrics.two_sample import two_sample_accuracy

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(2, 4000, 2))
SHIFT = np.array([1.0, 0.0])


class Threshold:
    """Calls 1 what is above a number in its first value."""

    def __init__(self, number):
        self.number = number

    def fit(self, x, y):
        self.seen = len(x), y.mean()

    def predict(self, x):
        return (x[:, 0] > self.number).astype(int)


def p_value(card):
    return float(card.notes[0].removeprefix("p-value "))


def test_two_sets_of_one_distribution_are_at_chance():
    card = two_sample_accuracy(X, Y)
    low, high = card.interval
    assert low < 0.5 < high
    assert p_value(card) > 0.01


def test_the_network_comes_near_the_best_accuracy():
    """Between N(0, I) and N((1, 0), I) that is Phi(1/2)."""
    card = two_sample_accuracy(X + SHIFT, Y)
    assert card.value == pytest.approx(norm.cdf(0.5), abs=0.03)
    assert p_value(card) < 1e-10


def test_a_classifier_that_is_given_is_used_on_the_held_out_half():
    classifier = Threshold(0.5)
    card = two_sample_accuracy(X + SHIFT, Y, classifier)
    assert classifier.seen == (4000, 0.5)
    assert card.value == pytest.approx(norm.cdf(0.5), abs=4 * card.error)
    assert card.error == pytest.approx(math.sqrt(card.value * (1 - card.value) / 4000))


def test_of_the_larger_set_as_many_are_used():
    classifier = Threshold(0.0)
    card = two_sample_accuracy(X[:100], Y, classifier)
    assert classifier.seen == (100, 0.5)
    assert (card.samples, card.reference) == (100, 100)


def test_the_p_value_is_the_binomials():
    """50 of 50 right: 2^-50."""
    x = np.linspace(1.0, 2.0, 50)[:, None]
    card = two_sample_accuracy(x, -x, Threshold(0.0))
    assert card.value == 1.0
    assert p_value(card) == pytest.approx(2.0**-50, rel=0.05)  # written with two digits


def test_the_same_seed_gives_the_same_card():
    assert two_sample_accuracy(X[:200], Y[:200], seed=5) == two_sample_accuracy(
        X[:200], Y[:200], seed=5
    )


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (X, X, "4000 samples are the reference examples themselves"),
        (np.zeros((0, 2)), X, "expected samples as numbers"),
        (np.ones((80, 2)), X, "all 80 samples are identical"),
        (X, np.full((80, 2), np.nan), "NaN or infinite values in 80 of 80"),
        (np.ones((80, 3)), X, "like the reference"),
        (X[:49], Y, "needs at least 50 samples, got 49"),
    ],
)
def test_bad_input_is_refused(a, b, message):
    with pytest.raises(ValueError, match=message):
        two_sample_accuracy(a, b)
