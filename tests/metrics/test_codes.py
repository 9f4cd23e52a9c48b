"""Codebooks and latents whose use is known."""

import math

import numpy as np
import pytest
from scipy.stats import entropy

from kgen.metrics.codes import active_units, codebook_perplexity, dead_codes


@pytest.mark.parametrize("size", [2, 16, 512])
def test_a_uniform_use_is_the_whole_size(size):
    codes = np.arange(size * 10).reshape(-1, 2) % size
    card = codebook_perplexity(codes, size)
    assert card.value == pytest.approx(size)
    assert card.error == pytest.approx(0.0, abs=1e-9)
    assert dead_codes(codes, size).value == 0


def test_one_code_alone():
    codes = np.full((500, 4, 4), 3)
    assert codebook_perplexity(codes, 8).value == 1.0
    assert dead_codes(codes, 8).value == 7


def test_unequal_use():
    codes = np.repeat([0, 1, 3], [500, 250, 250])
    assert codebook_perplexity(codes, 4).value == pytest.approx(2**1.5)  # 1.5 bits
    assert dead_codes(codes, 4).value == 1


def test_probabilities_are_averaged_over_examples_and_places():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(6), size=(100, 3, 3)).astype("float32")
    expected = math.exp(entropy(probabilities.mean(axis=(0, 1, 2))))
    assert codebook_perplexity(probabilities, 6).value == pytest.approx(expected, rel=1e-6)


def test_one_hot_probabilities_are_their_codes():
    codes = np.random.default_rng(1).integers(5, size=(400, 7))
    hot, cold = codebook_perplexity(np.eye(5)[codes], 5), codebook_perplexity(codes, 5)
    assert (hot.value, hot.error) == pytest.approx((cold.value, cold.error))


@pytest.mark.parametrize("places", [1, 16])
def test_the_error_is_the_spread_over_fresh_examples(places):
    """All codes of an example are the same or the next: more places bring little news."""
    rng = np.random.default_rng(2)
    share = np.array([0.4, 0.3, 0.2, 0.05, 0.05])
    draws = [
        rng.choice(5, p=share, size=(500, 1)) + rng.integers(2, size=(500, places)) for _ in range(300)
    ]
    cards = [codebook_perplexity(codes, 6) for codes in draws]
    assert np.mean([c.error for c in cards]) == pytest.approx(
        np.std([c.value for c in cards]), rel=0.15
    )


def test_a_code_used_once_makes_the_count_unsure():
    miss = 0.999**1000
    codes = np.append(np.zeros(999, int), 1)
    assert dead_codes(codes, 2).error == pytest.approx(math.sqrt(miss * (1 - miss)))


@pytest.mark.parametrize("metric", [codebook_perplexity, dead_codes])
@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.array([], int), "integer codes or probabilities"),
        (np.array([0, 1, 4, 9]), r"codes in \[0, 4\), got 4 and others, 2 in all"),
        (np.array([0, -1]), r"codes in \[0, 4\), got -1"),
        (np.full((9, 3), 1 / 3), r"of shape \(n, ..., 4\), got \(9, 3\)"),
        (np.ones((9, 4)), "sum to 1: apply softmax"),
        (np.full((9, 4), np.nan), "sum to 1: apply softmax"),
        (np.array([0]), "needs at least 2 examples, got 1"),
    ],
)
def test_bad_codes_are_refused(metric, codes, message):
    with pytest.raises(ValueError, match=message):
        metric(codes, 4)


def test_dead_codes_of_probabilities_are_refused():
    with pytest.raises(ValueError, match="take their argmax"):
        dead_codes(np.full((9, 4), 0.25), 4)


def latents(*deviations, n=4000):
    rng = np.random.default_rng(4)
    return rng.normal(size=(n, len(deviations))) * deviations + 5.0


def test_latents_are_active_above_the_threshold():
    card = active_units(latents(1.0, 0.5, 0.2, 0.05, 0.0))
    assert (card.value, card.interval) == (3, (3, 3))
    assert card.notes[0] == "of 5 latents"


def test_another_threshold():
    assert active_units(latents(1.0, 0.5, 0.2, 0.05, 0.0), threshold=0.1).value == 2


def test_a_variance_near_the_threshold_is_in_the_interval():
    card = active_units(latents(1.0, 0.1, 0.001))
    assert card.interval == (1, 2)


@pytest.mark.parametrize(
    ("means", "message"),
    [
        (np.zeros((0, 3)), "expected means as numbers"),
        (np.full((50, 3), np.nan), "expected finite means"),
        (latents(1.0, n=19), "needs at least 20 examples, got 19"),
    ],
)
def test_bad_means_are_refused(means, message):
    with pytest.raises(ValueError, match=message):
        active_units(means)
