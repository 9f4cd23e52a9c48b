"""Precision, recall, density and coverage: counted by hand on a line, cut to one size, refused."""

import numpy as np
import pytest

from kgen.metrics.coverage import precision_recall

pytestmark = pytest.mark.filterwarnings("ignore:.*recommended")

RNG = np.random.default_rng(0)
LINE = np.arange(10.0)[:, None]


def values(samples, reference, k):
    return [card.value for card in precision_recall(samples, reference, k)]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        # Balls of radius 1 around 0..9, and around the samples, which are 1 apart as well.
        (LINE + 0.25, [1, 1, 1.9, 1]),  # two balls hold each, one 9.25
        (LINE + 5.5, [0.5, 0.5, 0.9, 0.5]),  # 5.5 .. 8.5 in two balls, 9.5 in one
        (LINE + 50, [0, 0, 0, 0]),
        (LINE / 100 + 4.5, [1, 0, 2, 0.2]),  # a tight cluster
        (LINE * 10 + 0.5, [0.1, 1, 0.2, 0.2]),  # spread too far: 0.5 alone is in balls
    ],
    ids=["equal", "half", "apart", "tight", "spread"],
)
def test_counted_on_a_line(samples, expected):
    assert values(samples, LINE, k=1) == pytest.approx(expected)


def test_the_kth_neighbour_sets_the_radius():
    # With k = 2 the inner balls still reach 1, the outer two 2; at 10.5 only that of 9 holds.
    samples = np.concatenate([np.full((19, 1), 10.5), [[30.0]]])
    reference = np.concatenate([LINE, LINE + 100])
    assert values(samples, reference, k=2)[:1] == pytest.approx([0.95])


@pytest.mark.parametrize(("n", "m"), [(3000, 300), (300, 3000)])
def test_sets_of_other_sizes_are_compared_at_one(n, m):
    x, y = RNG.normal(size=(n, 3)) + 0.5, RNG.normal(size=(m, 3))
    equal = np.mean(
        [values(RNG.normal(size=(300, 3)) + 0.5, RNG.normal(size=(300, 3)), 5) for _ in range(20)],
        axis=0,
    )
    cards = precision_recall(x, y)
    for card, expected in zip(cards, equal, strict=True):
        assert abs(card.value - expected) < 3 * card.error
    assert "mean over 10 parts, each as large as the smaller set" in cards.recall.notes


def test_errors_are_those_of_repeated_draws():
    draws = [
        precision_recall(RNG.normal(size=(500, 8)) + 0.3, RNG.normal(size=(500, 8)), seed=i)
        for i in range(24)
    ]
    spread = np.std([[card.value for card in draw] for draw in draws], axis=0, ddof=1)
    told = np.mean([[card.error for card in draw] for draw in draws], axis=0)
    assert (told / spread > 0.6).all()
    assert (told / spread < 1.7).all()


def test_a_share_of_all_keeps_an_interval_below_one():
    card = precision_recall(0.01 * RNG.normal(size=(200, 2)), RNG.normal(size=(200, 2))).precision
    assert card.value == 1.0
    assert card.interval == pytest.approx((0.98115, 1.0), abs=1e-4)  # Wilson: 1 / (1 + 1.96² / 200)


def test_the_same_seed_gives_the_same_cards():
    x, y = RNG.normal(size=(200, 2)), RNG.normal(size=(200, 2))
    assert precision_recall(x, y, seed=3) == precision_recall(x, y, seed=3)


POINTS = RNG.normal(size=(60, 3))


@pytest.mark.parametrize(
    ("samples", "k", "message"),
    [
        (np.zeros((0, 3)), 5, "n > 0"),
        (POINTS[:49] + 1, 5, "needs at least 50 samples, got 49"),
        (np.full((60, 3), np.nan), 5, "NaN or infinite values in 60 of 60"),
        (np.ones((60, 3)), 5, "all 60 samples are identical"),
        (POINTS[:, :2], 5, r"of shape \(3,\), got \(2,\)"),
        (POINTS, 5, "the reference examples themselves"),
        (POINTS + 1, 0, "k >= 1"),
    ],
    ids=["empty", "few", "nan", "identical", "dimension", "itself", "k"],
)
def test_bad_input_is_refused(samples, k, message):
    with pytest.raises(ValueError, match=message):
        precision_recall(samples, POINTS, k)
