"""Divergences by hand, against SciPy, and of toys on a grid against their exact density."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, norm

from kgen.data.toys import TOYS
from kgen.metrics.histograms import Grid, histogram_js, histogram_kl, histogram_total_variation

Q, P = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3, 0.4])
ALL = pytest.mark.parametrize("metric", [histogram_js, histogram_kl, histogram_total_variation])


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (histogram_kl, entropy(Q, P)),
        (histogram_js, jensenshannon(Q, P) ** 2),
        (histogram_total_variation, 0.4),
    ],
)
def test_four_bins(metric, expected):
    assert metric(Q, P).value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("metric", "expected"), [(histogram_js, math.log(2)), (histogram_total_variation, 1.0)]
)
def test_disjoint_histograms_are_as_far_as_can_be(metric, expected):
    card = metric(np.array([3, 7, 0, 0]), np.array([0, 0, 5, 5]))
    assert card.value == pytest.approx(expected)


@ALL
def test_equal_histograms_are_at_0(metric):
    assert metric(np.array([[10, 30], [20, 40]]), np.array([[1, 3], [2, 4]])).value == 0.0


@ALL
def test_counts_are_their_shares_and_say_how_many(metric):
    card = metric(np.array([400, 300, 200, 100]), P)
    assert card.value == pytest.approx(metric(Q, P).value)
    assert (card.samples, card.reference) == (1000, None)
    assert metric(Q, P).error is None


@ALL
@pytest.mark.parametrize("counted", [False, True])
def test_the_error_is_the_spread_over_fresh_counts(metric, counted):
    rng = np.random.default_rng(0)
    reference = [rng.multinomial(2000, P) if counted else P for _ in range(400)]
    cards = [metric(rng.multinomial(1000, Q), p) for p in reference]
    assert np.mean([c.error for c in cards]) == pytest.approx(
        np.std([c.value for c in cards]), rel=0.12
    )


def test_kl_refuses_mass_where_the_reference_has_none():
    with pytest.raises(ValueError, match=r"0\.25 of their mass in 1 bins.*smoothing=0.01"):
        histogram_kl(np.array([3, 0, 1]), np.array([0.5, 0.5, 0.0]))


def test_smoothing_mixes_a_uniform_into_the_reference():
    card = histogram_kl(np.array([0.0, 1.0]), np.array([1.0, 0.0]), smoothing=0.1)
    assert card.value == pytest.approx(math.log(1 / 0.05))
    assert "smoothing 0.1" in card.notes


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_no_such_smoothing(smoothing):
    with pytest.raises(ValueError, match=r"smoothing in \[0, 1\)"):
        histogram_kl(Q, P, smoothing)


@ALL
@pytest.mark.parametrize(
    ("q", "message"),
    [
        (np.zeros(4, int), "the histogram of the samples is empty"),
        (np.array([], int), "two bins or more"),
        (np.array([0.5, 0.5, 0.5, 0.5]), "sum to 1, got 2: pass counts as integers"),
        (np.array([0.5, np.nan, 0.5, 0.0]), "without negative, NaN"),
        (np.array([3, -1, 1, 1]), "without negative, NaN"),
        (np.array([50, 50]), r"histograms of one shape, got \(2,\) and \(4,\)"),
    ],
)
def test_bad_histograms_are_refused(metric, q, message):
    with pytest.raises(ValueError, match=message):
        metric(q, P)


def test_few_counts_are_noted():
    with pytest.warns(UserWarning, match="fewer than the 20 recommended"):
        card = histogram_js(np.array([5, 5, 5, 4]), P)
    assert "19 counts, fewer than the 20 recommended" in card.notes


def test_a_grid_counts_each_point_once_also_those_outside():
    points = np.array([[0.0, 0.0], [0.9, 1.9], [1.0, 0.5], [2.0, 1.0], [-1e-9, 1.0]])
    assert Grid(0.0, 2.0, bins=2).counts(points).tolist() == [1, 1, 1, 0, 2]


def test_a_grid_integrates_a_density():
    def log_prob(x):
        return norm.logpdf(x).sum(axis=1)

    got = Grid(-2.0, 2.0, bins=4).probabilities(log_prob, points=64)
    side = np.diff(norm.cdf(np.linspace(-2.0, 2.0, 5)))
    expected = np.append(np.outer(side, side).ravel(), 1.0 - side.sum() ** 2)
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("name", sorted(TOYS))
def test_toys_agree_with_their_density(name):
    points = 32 if name == "ring8" else 8  # its modes are the narrowest: 0.02
    toy, grid = TOYS[name], Grid(-5.0, 5.0, bins=20)
    counts = grid.counts(toy.sample(50_000, seed=0))
    probabilities = grid.probabilities(toy.log_prob, points)
    # the mean of JS under the null is (k - 1) / (8n), k: bins with mass; 401 at most
    assert histogram_js(counts, probabilities).value < 2 * 400 / (8 * 50_000)


def test_too_coarse_a_grid_is_refused():
    """The middle of the one cell that holds it all is the peak."""

    def narrow(x):
        return norm.logpdf(x, scale=0.02).sum(axis=1)

    with pytest.raises(ValueError, match=r"integrates to .* use more points"):
        Grid(-1.0, 1.0, bins=3).probabilities(narrow, points=1)


@pytest.mark.parametrize(("low", "high", "bins"), [(1.0, 1.0, 4), (0.0, 1.0, 0)])
def test_no_such_grid(low, high, bins):
    with pytest.raises(ValueError, match="low < high and bins >= 1"):
        Grid(low, high, bins)


def test_points_of_space_are_refused():
    with pytest.raises(ValueError, match=r"points of the plane, \(n, 2\), got \(5, 3\)"):
        Grid(0.0, 1.0).counts(np.zeros((5, 3)))
