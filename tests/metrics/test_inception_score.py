"""The Inception score by hand, its error, and what are no probabilities."""

import math

import numpy as np
import pytest

from kgen.metrics.inception_score import inception_score

pytestmark = pytest.mark.filterwarnings("ignore:.*recommended")


@pytest.mark.parametrize(
    ("rows", "score"),
    [
        (np.eye(5), 5.0),  # clear, and all classes
        (np.eye(5)[:1], 1.0),  # clear, but one class
        (np.full((1, 5), 0.2), 1.0),  # unclear
        (np.array([[0.75, 0.25], [0.25, 0.75]]), math.exp(0.75 * math.log(1.5) + 0.25 * math.log(0.5))),
    ],
    ids=["best", "one class", "unclear", "by hand"],
)
def test_known_scores(rows, score):
    assert inception_score(np.tile(rows, (20, 1))).value == pytest.approx(score)


def test_error_is_that_of_repeated_draws():
    rng = np.random.default_rng(0)
    cards = [inception_score(rng.dirichlet(np.full(6, 0.2), size=800)) for _ in range(60)]
    spread = np.std([card.value for card in cards], ddof=1)
    assert np.mean([card.error for card in cards]) == pytest.approx(spread, rel=0.25)


LOGITS = np.linspace(-3, 3, 60).reshape(20, 3)


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (np.zeros((0, 3)), "n > 0"),
        (np.eye(3), "needs at least 10 samples, got 3"),
        (np.full((20, 3), np.nan), "NaN or infinite values in 20 of 20"),
        (LOGITS, "of logits take a softmax"),
        (np.full((20, 3), 0.5), r"a row of sum 1.5 \(number 0\)"),
    ],
    ids=["empty", "few", "nan", "logits", "sums"],
)
def test_what_are_no_probabilities_is_refused(probabilities, message):
    with pytest.raises(ValueError, match=message):
        inception_score(probabilities)
