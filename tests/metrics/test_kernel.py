"""Kernel distances against sums by hand, and on what they must refuse."""

import itertools
import math

import numpy as np
import pytest

from kgen.metrics.distances import squared_distances
from kgen.metrics.kernel import kernel_distance, mmd, polynomial_kernel

pytestmark = pytest.mark.filterwarnings("ignore:.*recommended")

RNG = np.random.default_rng(0)
SAMPLES, REFERENCE = RNG.normal(size=(23, 3)) + 0.5, RNG.normal(size=(17, 3))


def by_hand(x, y, k):
    """Equation 3 of Gretton et al., one pair at a time."""
    within = [np.mean([k(a, b) for a, b in itertools.permutations(z, 2)]) for z in (x, y)]
    return sum(within) - 2 * np.mean([k(a, b) for a, b in itertools.product(x, y)])


def cubic(a, b):
    return (a @ b / 3 + 1) ** 3


def gaussian(a, b):
    return math.exp(-((a - b) ** 2).sum() / (2 * 1.5**2))


MEASURES = {"kernel_distance": (kernel_distance, cubic), "mmd": (lambda x, y: mmd(x, y, 1.5), gaussian)}


@pytest.fixture(params=MEASURES)
def measure(request):
    return MEASURES[request.param]


def test_value(measure):
    metric, kernel = measure
    assert metric(SAMPLES, REFERENCE).value == pytest.approx(by_hand(SAMPLES, REFERENCE, kernel))


def test_error_is_that_of_leaving_out_each_example(measure):
    metric, kernel = measure
    x = [by_hand(np.delete(SAMPLES, i, 0), REFERENCE, kernel) for i in range(23)]
    y = [by_hand(SAMPLES, np.delete(REFERENCE, i, 0), kernel) for i in range(17)]
    expected = math.sqrt(22 * np.var(x) + 16 * np.var(y))
    assert metric(SAMPLES, REFERENCE).error == pytest.approx(expected)


def test_the_median_distance_is_the_bandwidth():
    reference = np.array([[0.0], [1.0], [3.0], [6.0], [10.0]] * 2) + 1e-9 * np.arange(10)[:, None]
    card = mmd(RNG.normal(size=(50, 1)), reference)
    # of 45 pairs 5 are at 0, and four each at 1 2 3 3 4 5 6 7 9 10: the 23rd is at 4
    assert "squared, bandwidth 4" in card.notes


def test_a_kernel_of_other_examples():
    assert polynomial_kernel(np.array([[1.0, 2.0]]), np.array([[3.0, -1.0]])) == pytest.approx(1.5**3)
    assert squared_distances(np.array([[1.0, 2.0]]), np.array([[3.0, -1.0]])) == pytest.approx(13.0)


def test_a_far_mean_costs_the_gaussian_kernel_no_digits():
    near, far = mmd(SAMPLES, REFERENCE, 1.0), mmd(SAMPLES + 1e6, REFERENCE + 1e6, 1.0)
    assert far.value == pytest.approx(near.value, abs=1e-8)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((0, 3)), "n > 0"),
        (SAMPLES[:9], "needs at least 10 samples, got 9"),
        (np.full((20, 3), np.inf), "NaN or infinite values in 20 of 20"),
        (np.ones((20, 3)), "all 20 samples are identical"),
        (SAMPLES[:, :2], r"of shape \(3,\), got \(2,\)"),
        (REFERENCE, "the reference examples themselves"),
    ],
    ids=["empty", "few", "infinite", "identical", "dimension", "itself"],
)
def test_bad_samples_are_refused(measure, samples, message):
    with pytest.raises(ValueError, match=message):
        measure[0](samples, REFERENCE)


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, math.nan])
def test_a_bandwidth_is_positive(bandwidth):
    with pytest.raises(ValueError, match="bandwidth > 0"):
        mmd(SAMPLES, REFERENCE, bandwidth)


def test_a_reference_of_copies_has_no_median_distance():
    reference = np.concatenate([np.zeros((20, 3)), REFERENCE[:2]])
    with pytest.raises(ValueError, match="give a bandwidth"):
        mmd(SAMPLES, reference)
