"""Nearest neighbours against SciPy's distances, and memorisation of models that are known."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from kgen.data import LazyArray
from kgen.metrics.distances import nearest
from kgen.metrics.neighbours import copied_share, memorisation, nearest_distance

RNG = np.random.default_rng(11)
TRAIN = RNG.normal(size=(5000, 3))
TEST = RNG.normal(size=(1500, 3))
FRESH = RNG.normal(size=(1200, 3))


def lazy(array):
    return LazyArray(lambda numbers: array[numbers], array.shape, array.dtype)


@pytest.mark.parametrize("wrap", [np.asarray, lazy])
@pytest.mark.parametrize("k", [1, 3])
def test_nearest_is_nearest_across_blocks(wrap, k):
    numbers, distances = nearest(FRESH, wrap(TRAIN), k)
    everything = cdist(FRESH, TRAIN)
    np.testing.assert_array_equal(numbers, np.argsort(everything, axis=1)[:, :k])
    np.testing.assert_allclose(distances, np.sort(everything, axis=1)[:, :k], rtol=1e-12)


def test_all_of_a_small_reference():
    numbers, distances = nearest(np.array([[2.2]]), np.array([[0.0], [2.0], [3.0]]), k=3)
    assert numbers.tolist() == [[1, 2, 0]]
    np.testing.assert_allclose(distances, [[0.2, 0.8, 2.2]])


def test_far_from_the_origin_an_equal_image_is_at_0_and_the_next_is_not():
    images = 1e4 + RNG.normal(size=(100, 4, 4, 1))
    assert (nearest(images, images)[1] == 0.0).all()
    np.testing.assert_allclose(nearest(images + 1e-2, images)[1], 4e-2, rtol=1e-6)


@pytest.mark.parametrize("k", [0, 4])
def test_more_neighbours_than_there_are_is_refused(k):
    with pytest.raises(ValueError, match=f"expected 1 <= k <= 3, the size of the reference, got {k}"):
        nearest(np.zeros((2, 1)), np.zeros((3, 1)), k)


def test_a_nan_in_a_late_block_is_found():
    broken = TRAIN.copy()
    broken[4099] = np.nan
    with pytest.raises(ValueError, match=r"finite reference \(from number 4096\).*number 3\)"):
        nearest(FRESH, broken)


def test_the_mean_distance():
    card = nearest_distance(FRESH, lazy(TRAIN))
    expected = cdist(FRESH, TRAIN).min(axis=1)
    assert card.value == pytest.approx(expected.mean())
    assert card.error == pytest.approx(expected.std(ddof=1) / math.sqrt(1200))
    assert (card.samples, card.reference) == (1200, 5000)


def test_copies_are_counted():
    card = copied_share(np.concatenate([TRAIN[4000:4300], FRESH[:900]]), lazy(TRAIN))
    assert card.value == 0.25


def test_an_honest_model_is_at_one_half():
    card = memorisation(FRESH, TRAIN, TEST)
    assert card.value == pytest.approx(0.5, abs=3 * card.error)


def test_a_model_that_knows_its_data_by_heart_is_at_1():
    card = memorisation(TRAIN[:1000], TRAIN, TEST)
    assert card.value == 1.0
    assert "1000 exact copies" in card.notes
    assert "1.000 nearer than the median of the test set" in card.notes


def test_a_model_off_the_data_is_at_0():
    assert memorisation(FRESH + 100.0, TRAIN, TEST).value == 0.0


def test_memorisation_is_the_rank_statistic():
    samples = TRAIN[:1200] + 0.05 * FRESH
    card = memorisation(samples, TRAIN, TEST)
    d_samples, d_test = (cdist(x, TRAIN).min(axis=1) for x in (samples, TEST))
    u = mannwhitneyu(d_test, d_samples).statistic  # pairs where the test example is farther
    assert card.value == pytest.approx(u / (1200 * 1500))
    z = (1200 * 1500 / 2 - u) / math.sqrt(1200 * 1500 * (1200 + 1500 + 1) / 12)
    assert f"C_T {z:.1f}" in card.notes


def test_the_error_is_the_spread_over_fresh_samples():
    rng = np.random.default_rng(0)
    cards = [
        memorisation(TRAIN[rng.integers(5000, size=200)] + 0.1 * rng.normal(size=(200, 3)), TRAIN, test)
        for test in rng.normal(size=(100, 300, 3))
    ]
    assert np.mean([c.error for c in cards]) == pytest.approx(
        np.std([c.value for c in cards]), rel=0.25
    )


CASES = [
    (np.zeros((0, 3)), "numbers of shape"),
    (np.ones((30, 3)), "all 30 samples are identical"),
    (np.full((30, 3), np.inf), "NaN or infinite values in 30 of 30"),
    (FRESH[:19], "needs at least 20 samples.*got 19"),
    (FRESH[:, :2], "like the reference"),
]


@pytest.mark.parametrize("metric", [nearest_distance, copied_share])
@pytest.mark.parametrize(("samples", "message"), CASES)
def test_bad_samples_are_refused(metric, samples, message):
    with pytest.raises(ValueError, match=message):
        metric(samples, TRAIN)


@pytest.mark.parametrize(("samples", "message"), CASES)
def test_bad_samples_are_refused_beside_a_test_set(samples, message):
    with pytest.raises(ValueError, match=message):
        memorisation(samples, TRAIN, TEST)


def test_training_data_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"one of shape \(2,\), got \(3,\)"):
        memorisation(FRESH, TRAIN[:, :2], TEST)
