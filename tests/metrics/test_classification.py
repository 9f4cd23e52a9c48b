"""Accuracy of asked classes, and of a classifier that learns from samples."""

import sys

import numpy as np
import pytest

from kgen.metrics.classification import class_accuracy, classification_accuracy_score

pytestmark = pytest.mark.filterwarnings("ignore:.*recommended")

RNG = np.random.default_rng(0)
LABELS = np.arange(200) % 2
CENTRES = np.array([[0.0, 0.0], [10.0, 0.0]])
REFERENCE = CENTRES[LABELS] + RNG.normal(size=(200, 2))
SAMPLES = CENTRES[LABELS] + RNG.normal(size=(200, 2))


class Threshold:
    """Knows class 1 by a first value above the mean of those it was fitted on."""

    def fit(self, x, y):
        self.mean = x[:, 0].mean()

    def predict(self, x):
        return (x[:, 0] > self.mean).astype(int)


def test_class_accuracy_counts_the_classes_asked_for():
    p = np.eye(4)[np.arange(40) % 4]
    card = class_accuracy(p, np.where(np.arange(40) < 30, np.arange(40) % 4, 0))
    # 30 right, and of the last ten the two or three of class 0: 32, 36
    assert card.value == pytest.approx(32 / 40)
    assert card.error == pytest.approx((0.8 * 0.2 / 40) ** 0.5)
    assert card.interval == pytest.approx((0.6524, 0.8950), abs=1e-4)
    assert card.higher_is_better


@pytest.mark.parametrize("classifier", [None, Threshold()])
def test_good_samples_teach_the_classes(classifier):
    card = classification_accuracy_score(SAMPLES, LABELS, REFERENCE, LABELS, classifier)
    assert card.value == 1.0
    assert (card.samples, card.reference) == (200, 200)


def test_samples_of_wrong_classes_teach_nothing():
    card = classification_accuracy_score(SAMPLES, 1 - LABELS, REFERENCE, LABELS)
    assert card.value == 0.0


def test_half_of_one_class_wrong():
    moved = np.where((np.arange(200) % 4 == 1)[:, None], CENTRES[0], REFERENCE)
    card = classification_accuracy_score(SAMPLES, LABELS, moved, LABELS, Threshold())
    assert card.value == 0.75
    assert "trained: Threshold" in card.notes


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(39, int), "expected 40 integer labels"),
        (np.full(40, 4), "labels from 0 to 3, got 4 to 4"),
        (np.full(40, 0.5), "integer labels of the samples, got float64"),
    ],
)
def test_labels_must_be_classes(labels, message):
    with pytest.raises(ValueError, match=message):
        class_accuracy(np.eye(4)[np.arange(40) % 4], labels)


@pytest.mark.parametrize(
    ("samples", "labels", "message"),
    [
        (np.zeros((0, 2)), LABELS[:0], "n > 0"),
        (SAMPLES[:5], LABELS[:5], "needs at least 10 samples, got 5"),
        (np.full((200, 2), np.nan), LABELS, "NaN or infinite values in 200 of 200"),
        (np.ones((200, 2)), LABELS, "all 200 samples are identical"),
        (SAMPLES[:, :1], LABELS, r"of shape \(2,\), got \(1,\)"),
        (SAMPLES, np.zeros(200, int), r"no sample of the classes \[1\]"),
        (REFERENCE, LABELS, "the reference examples themselves"),
    ],
    ids=["empty", "few", "nan", "identical", "dimension", "class missing", "itself"],
)
def test_bad_samples_are_refused(samples, labels, message):
    with pytest.raises(ValueError, match=message):
        classification_accuracy_score(samples, labels, REFERENCE, LABELS)


def test_one_class_is_nothing_to_learn():
    with pytest.raises(ValueError, match="all are of class 0"):
        classification_accuracy_score(SAMPLES, LABELS * 0, REFERENCE, LABELS * 0)


def test_a_missing_scikit_learn_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(ImportError, match=r"kgen\[eval\]"):
        classification_accuracy_score(SAMPLES, LABELS, REFERENCE, LABELS)
