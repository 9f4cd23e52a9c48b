"""Wasserstein distances against closed forms and SciPy's one-dimensional distance."""

import math

import numpy as np
import pytest
from scipy.stats import norm, wasserstein_distance

from kgen.metrics.wasserstein import sliced_wasserstein, wasserstein

RNG = np.random.default_rng(7)
LINE = RNG.normal(size=(700, 1))
PLANE = RNG.normal(size=(500, 2))
BOTH = pytest.mark.parametrize("metric", [sliced_wasserstein, wasserstein])


@BOTH
@pytest.mark.parametrize("p", [1, 2, 3])
def test_on_a_line_a_shift_is_its_length(metric, p):
    assert metric(LINE + 0.75, LINE, p=p).value == pytest.approx(0.75)


@pytest.mark.parametrize("p", [1, 2])
def test_in_the_plane_a_shift_is_its_length(p):
    assert wasserstein(PLANE + np.array([0.3, -0.4]), PLANE, p=p).value == pytest.approx(0.5)


def test_sliced_a_shift_in_d_dimensions_is_its_length_by_sqrt_d():
    x = RNG.normal(size=(200, 5))
    card = sliced_wasserstein(x + 1.0, x, projections=20_000)
    # the mean of (u . v)^2 over directions is |v|^2 / d = 1, and its variance 2 (d - 1) / (d + 2)
    assert card.value == pytest.approx(1.0, abs=4 * math.sqrt(8 / 7 / 20_000) / 2)


@BOTH
def test_between_normals_it_is_the_formula(metric):
    quantiles = norm.ppf((np.arange(1000) + 0.5) / 1000)[:, None]
    card = metric(2.0 * quantiles + 1.0, quantiles)
    assert card.value == pytest.approx(math.sqrt(1.0**2 + (2.0 - 1.0) ** 2), rel=2e-3)


@BOTH
@pytest.mark.parametrize(("n", "m"), [(60, 100), (100, 60), (75, 75), (64, 96)])
def test_sets_of_different_size_as_scipy_compares_them(metric, n, m):
    a, b = LINE[:n], LINE[-m:] ** 3
    expected = wasserstein_distance(a[:, 0], b[:, 0])
    assert metric(a, b, p=1).value == pytest.approx(expected, rel=1e-10)


@BOTH
def test_images_are_flattened_and_the_same_set_is_at_0(metric):
    images = RNG.normal(size=(60, 4, 4, 1)).astype("float32")
    assert metric(images, images).value == 0.0


@BOTH
def test_the_same_seed_gives_the_same_card(metric):
    cards = [metric(PLANE[:200] + 1.0, PLANE[200:400], seed=3) for _ in range(2)]
    assert cards[0] == cards[1]
    assert (cards[0].samples, cards[0].reference, cards[0].seed) == (200, 200, 3)


@pytest.mark.parametrize(("metric", "n"), [(sliced_wasserstein, 1000), (wasserstein, 200)])
def test_the_error_is_the_spread_over_fresh_samples(metric, n):
    rng = np.random.default_rng(1)
    cards = [metric(rng.normal(size=(n, 2)) + 2.0, rng.normal(size=(n, 2)), seed=i) for i in range(40)]
    spread = np.std([c.value for c in cards])
    assert np.mean([c.error for c in cards]) == pytest.approx(spread, rel=0.35)


def test_the_interval_covers_the_value_of_5_times_the_samples():
    a, b = RNG.normal(size=(20_000, 2)) + 1.0, RNG.normal(size=(20_000, 2))
    few, many = (sliced_wasserstein(a[:n], b[:n]) for n in (4000, 20_000))
    assert abs(few.value - many.value) < 1.96 * few.error
    assert many.error < few.error


NAN = np.where(np.arange(60)[:, None] == 7, np.nan, 1.0) * np.ones((60, 2))


@BOTH
@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        (np.zeros((0, 2)), PLANE, {}, "expected samples as numbers of shape"),
        (np.ones((60, 2)), PLANE, {}, "all 60 samples are identical"),
        (PLANE, np.ones((60, 2)), {}, "all 60 reference are identical"),
        (NAN, PLANE, {}, "the first is number 7"),
        (np.ones((60, 3)), PLANE, {}, "like the reference"),
        (PLANE[:49], PLANE, {}, "needs at least 50 samples, got 49"),
        (PLANE, PLANE, {"p": 0.5}, "expected p >= 1"),
    ],
)
def test_bad_input_is_refused(metric, a, b, options, message):
    with pytest.raises(ValueError, match=message):
        metric(a, b, **options)


def test_a_single_projection_is_refused():
    with pytest.raises(ValueError, match="projections >= 2, got 1"):
        sliced_wasserstein(PLANE, PLANE, projections=1)


def test_a_large_assignment_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"needs an assignment of 249500.*sliced_wasserstein"):
        wasserstein(PLANE, PLANE[:499])


def test_few_samples_are_noted():
    with pytest.warns(UserWarning, match="fewer than the 1000 recommended"):
        card = sliced_wasserstein(PLANE, PLANE + 1.0)
    assert "500 samples, fewer than the 1000 recommended" in card.notes
