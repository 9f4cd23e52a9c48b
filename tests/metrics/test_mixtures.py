"""Mode coverage of points placed by hand, and of the toys themselves."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chi

from kgen.data.toys import grid25, ring8, two_gaussians
from kgen.metrics.mixtures import high_quality_share, mode_reverse_kl, modes_covered

FOUR = SimpleNamespace(
    modes=np.array([[0.0], [10.0], [20.0], [30.0]]), scale=1.0, weights=np.array([0.1, 0.2, 0.3, 0.4])
)
# mode 0: two near, mode 1: one near and one 4 sigma off, mode 2: one 3.5 sigma off, mode 3: none
POINTS = np.array([[0.0], [-1.0], [12.0], [6.0], [23.5]])


def test_a_mode_needs_a_point_within_3_sigma():
    card = modes_covered(POINTS, FOUR)
    assert card.value == 2
    assert card.notes[:2] == ("of 4 modes", "within 3 sigma")


@pytest.mark.parametrize(("within", "modes", "share"), [(1.5, 1, 0.4), (3.0, 2, 0.6), (4.5, 3, 1.0)])
def test_how_near_is_near_can_be_chosen(within, modes, share):
    assert modes_covered(POINTS, FOUR, within).value == modes
    assert high_quality_share(POINTS, FOUR, within).value == pytest.approx(share)


@pytest.mark.parametrize("toy", [ring8, grid25, two_gaussians])
def test_the_toys_cover_themselves(toy):
    x = toy.sample(20_000, seed=0)
    share = high_quality_share(x, toy)
    assert modes_covered(x, toy).value == len(toy.modes)
    assert modes_covered(x, toy).error == pytest.approx(0.0, abs=1e-6)
    assert share.value == pytest.approx(chi(2).cdf(3.0), abs=4 * share.error)
    # 2n KL is a chi-squared of k - 1
    assert mode_reverse_kl(x, toy).value < 60 / 40_000


def test_reverse_kl_by_hand():
    # q = (0.4, 0.4, 0.2, 0): 6 is nearer to 10, 23.5 to 20
    expected = 0.4 * math.log(0.4 / 0.1) + 0.4 * math.log(0.4 / 0.2) + 0.2 * math.log(0.2 / 0.3)
    assert mode_reverse_kl(POINTS, FOUR).value == pytest.approx(expected)


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_a_collapse_of_equal_modes_is_the_log_of_what_is_lost(kept):
    points = ring8.modes[np.arange(1000) % kept]
    assert modes_covered(points, ring8).value == kept
    assert mode_reverse_kl(points, ring8).value == pytest.approx(math.log(8 / kept))


def test_a_mode_seen_once_makes_the_count_unsure():
    points = np.concatenate([np.zeros((999, 1)), np.full((1, 1), 10.0)])
    miss = 0.999**1000  # that a bootstrap sample leaves the one out
    assert modes_covered(points, FOUR).error == pytest.approx(math.sqrt(miss * (1 - miss)))


def test_the_interval_covers_the_value_of_5_times_the_samples():
    rng = np.random.default_rng(0)
    x = grid25.sample(50_000, seed=1) + 0.1 * rng.standard_normal((50_000, 2))
    for metric in (high_quality_share, mode_reverse_kl):
        few, many = metric(x[:10_000], grid25), metric(x, grid25)
        assert abs(few.value - many.value) < 1.96 * few.error


@pytest.mark.parametrize("metric", [modes_covered, high_quality_share, mode_reverse_kl])
@pytest.mark.parametrize(
    ("points", "mixture", "message"),
    [
        (np.zeros((0, 1)), FOUR, "expected samples as numbers"),
        (np.full((9, 1), np.nan), FOUR, "NaN or infinite values in 9 of 9"),
        (np.zeros((9, 2)), FOUR, r"expected samples of shape \(n, 1\), like the modes, got \(9, 2\)"),
        (POINTS[:3], FOUR, "needs at least 4 samples, got 3"),
        (
            POINTS,
            SimpleNamespace(modes=FOUR.modes, scale=0.0, weights=FOUR.weights),
            "above 0, got 0.0",
        ),
    ],
)
def test_bad_input_is_refused(metric, points, mixture, message):
    with pytest.raises(ValueError, match=message):
        metric(points, mixture)


def test_weights_that_are_no_distribution_are_refused():
    wrong = SimpleNamespace(modes=FOUR.modes, scale=1.0, weights=np.ones(4))
    with pytest.raises(ValueError, match="sum to 1, got 4"):
        mode_reverse_kl(POINTS, wrong)
