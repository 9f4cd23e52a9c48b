"""The Fréchet distance against closed forms, in batches, and on what it must refuse."""

import numpy as np
import pytest

from kgen.metrics.frechet import frechet_distance, intra_class_frechet_distance
from kgen.metrics.gaussian import Gaussian, GaussianStatistics, gaussian_frechet

RNG = np.random.default_rng(0)
SAMPLES = RNG.normal(size=(2500, 6)) @ np.diag([1, 1, 1, 2, 2, 0.5]) + 0.5
REFERENCE = RNG.normal(size=(2000, 6))


@pytest.mark.parametrize(
    ("mean", "covariance", "distance"),
    [
        ([3.0, 4.0], np.eye(2), 25.0),  # moved
        ([0.0, 0.0], np.diag([4.0, 9.0]), 5.0),  # (2 - 1)² + (3 - 1)²
        ([0.0, 0.0], np.zeros((2, 2)), 2.0),  # a point
        ([1.0, 0.0], np.diag([0.0, 16.0]), 11.0),  # a line: 1 + 1 + (4 - 1)²
    ],
)
def test_known_distances_to_the_standard_normal(mean, covariance, distance):
    standard = Gaussian(10, np.zeros(2), np.eye(2))
    assert gaussian_frechet(Gaussian(10, np.array(mean), covariance), standard) == pytest.approx(
        distance
    )


def test_covariances_that_do_not_commute():
    a, b = np.array([[2.0, 1.0], [1.0, 2.0]]), np.diag([1.0, 4.0])
    # of a 2 x 2 matrix M: tr M^(1/2) = sqrt(tr M + 2 sqrt(det M)); here M = a b, tr 10, det 12
    expected = 4 + 5 - 2 * np.sqrt(10 + 2 * np.sqrt(12))
    zero = np.zeros(2)
    assert gaussian_frechet(Gaussian(9, zero, a), Gaussian(9, zero, b)) == pytest.approx(expected)


def test_fewer_samples_than_features_gives_the_right_value_and_says_so():
    x, y = RNG.normal(size=(50, 80)) + 1, RNG.normal(size=(60, 80))
    eigenvalues = np.linalg.eigvals(np.cov(x.T) @ np.cov(y.T)).real
    shift = ((x.mean(0) - y.mean(0)) ** 2).sum()
    spread = np.trace(np.cov(x.T)) + np.trace(np.cov(y.T))
    expected = shift + spread - 2 * np.sqrt(np.maximum(eigenvalues, 0)).sum()
    with pytest.warns(UserWarning, match="fewer than the 2000 recommended"):
        card = frechet_distance(x, y)
    assert card.value == pytest.approx(expected, rel=1e-6)
    assert "singular covariance: 50 samples of 80 features" in card.notes


@pytest.mark.parametrize("size", [1, 7, 64, 2500])
def test_batches_give_the_statistics_of_the_whole(size):
    statistics = GaussianStatistics()
    for start in range(0, len(SAMPLES), size):
        statistics.update(SAMPLES[start : start + size].astype("float32"))
    got = statistics.gaussian()
    assert got.count == 2500
    np.testing.assert_allclose(got.mean, SAMPLES.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(got.covariance, np.cov(SAMPLES.T), atol=1e-6)


def test_a_far_mean_costs_no_digits():
    got = GaussianStatistics().update(REFERENCE + 1e6).gaussian()
    np.testing.assert_allclose(got.covariance, np.cov(REFERENCE.T), atol=1e-8)


def test_streamed_and_whole_sets_have_one_value():
    streamed = GaussianStatistics()
    for batch in np.array_split(SAMPLES, 9):
        streamed.update(batch)
    card = frechet_distance(streamed, REFERENCE)
    assert card.value == pytest.approx(frechet_distance(SAMPLES, REFERENCE).value, rel=1e-12)
    assert (card.samples, card.reference) == (2500, 2000)


def test_images_are_flattened():
    images = SAMPLES.reshape(-1, 2, 3, 1), REFERENCE.reshape(-1, 2, 3, 1)
    assert frechet_distance(*images) == frechet_distance(SAMPLES, REFERENCE)


def test_the_error_does_not_mind_labels_in_turn():
    x = RNG.normal(size=(4000, 1)) + 10.0 * (np.arange(4000) % 8)[:, None]
    in_turn = frechet_distance(x, RNG.normal(size=(4000, 1)))
    shuffled = frechet_distance(RNG.permutation(x), RNG.normal(size=(4000, 1)))
    assert 0.3 < in_turn.error / shuffled.error < 3


def test_error_is_that_of_repeated_draws():
    cards = [
        frechet_distance(RNG.normal(size=(2000, 4)) + 0.5, RNG.normal(size=(2000, 4)))
        for _ in range(60)
    ]
    spread = np.std([card.value for card in cards], ddof=1)
    assert np.mean([card.error for card in cards]) == pytest.approx(spread, rel=0.25)


def test_intra_class_is_the_mean_over_the_classes():
    labels, moved = np.repeat([3, 7], 1000), np.repeat([[1.0], [2.0]], 1000, axis=0)
    card = intra_class_frechet_distance(REFERENCE + moved, labels, REFERENCE, labels)
    # moved by 1 and by 2 on six axes: 6 and 24
    assert card.value == pytest.approx(15.0)
    assert "by class: 3: 6, 7: 24" in card.notes


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((0, 6)), "n > 0"),
        (SAMPLES[:31], "needs at least 32 samples, got 31"),
        (np.where(np.arange(2500)[:, None] == 5, np.nan, SAMPLES), "in 1 of 2500 .* number 5"),
        (np.ones((100, 6)), "all 100 samples are identical"),
        (SAMPLES[:, :5], "of 6 features, got 5"),
        (REFERENCE, "the reference examples themselves"),
        (GaussianStatistics(), "needs at least 32 samples, got 0"),
    ],
    ids=["empty", "few", "nan", "identical", "dimension", "itself", "no batch"],
)
def test_bad_samples_are_refused(samples, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(samples, REFERENCE)


def test_a_batch_of_another_size_is_refused():
    with pytest.raises(ValueError, match="6 features, got 4"):
        GaussianStatistics().update(SAMPLES).update(SAMPLES[:, :4])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(2499, int), "expected 2500 integer labels"),
        (np.zeros(2500), "integer labels of the samples, got float64"),
        (np.zeros(2500, int), r"same classes, got \[0\] against \[0, 1\]"),
        (np.arange(2500) // 2490, "at least 32 samples of class 1, got 10"),
    ],
)
def test_bad_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        intra_class_frechet_distance(SAMPLES, labels, REFERENCE, np.arange(2000) % 2)
