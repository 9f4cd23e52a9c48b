"""From a source of samples to cards: what is measured, what is refused, what a card says."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from kgen.data import LazyArray, load
from kgen.data.spec import make_dataset
from kgen.data.toys import ring8
from kgen.metrics import Card, Evaluator, sources, suites
from kgen.metrics.features import custom_features

RING = load("ring8", size=2000)
RNG = np.random.default_rng(0)


def dataset(x, labels=None, limits=(-1.0, 1.0), name="made", split="train"):
    return make_dataset(name, split, x.astype("float32"), labels, None, limits, "made here", "none")


def noise(n, seed=0, shape=(8, 8, 1)):
    return np.random.default_rng(seed).uniform(-1, 1, (n, *shape)).astype("float32")


IMAGES = dataset(noise(200), np.arange(200) % 2)
MEANS = custom_features(lambda x: x.mean(axis=2)[..., 0], "rows")


def evaluator(**options):
    return Evaluator(IMAGES, **{"features": MEANS, "metrics": suites.QUICK, "bounds": False} | options)


def values(cards):
    return {card.metric: card.value for card in cards}


class Shifted:
    """Draws noise, moved."""

    def __init__(self, shift=0.0):
        self.shift, self.drawn = shift, []

    def sample(self, n, seed):
        self.drawn.append((n, seed))
        return np.clip(noise(n, 99 + seed) + self.shift, -1, 1)


SAMPLES = noise(300, seed=5)


@pytest.mark.parametrize(
    "source",
    [
        SAMPLES,
        LazyArray(lambda numbers: SAMPLES[numbers], SAMPLES.shape, np.float32),
        iter([SAMPLES[:100], SAMPLES[100:]]),
        [(SAMPLES[:7],), (SAMPLES[7:],)],
    ],
    ids=["array", "lazy", "iterator", "batches"],
)
def test_every_source_of_the_same_samples_gives_the_same_numbers(source):
    assert values(evaluator()(source)) == values(evaluator()(SAMPLES))


def test_a_model_is_asked_for_blocks_of_one_size_and_its_own_seed_first():
    model = Shifted()
    evaluator(samples=5000, seed=7)(model)
    assert [n for n, _ in model.drawn] == [1667, 1667, 1666]
    assert model.drawn[0][1] == 7
    assert len({seed for _, seed in model.drawn}) == 3


def test_the_reference_is_read_once():
    read = []

    def counted(numbers):
        read.extend(numbers)
        return IMAGES.x[numbers]

    lazy = make_dataset(
        "lazy", "train", LazyArray(counted, IMAGES.x.shape, np.float32), None, None, None, "", ""
    )
    evaluate = Evaluator(lazy, features=MEANS, metrics=suites.QUICK, bounds=False)
    evaluate(SAMPLES)
    evaluate(noise(100, 9))
    assert sorted(read) == list(range(200))


def test_only_features_of_the_samples_are_kept():
    shape = (64, 64, 1)
    reference = dataset(noise(100, shape=shape))
    first = custom_features(lambda x: x[:, 0, :4, 0].copy(), "corner")
    model = SimpleNamespace(sample=lambda n, seed: noise(n, seed, shape))
    evaluate = Evaluator(reference, features=first, metrics=suites.QUICK, samples=20_000, bounds=False)
    tracemalloc.start()
    evaluate(model)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000 * 64 * 64 * 4 / 2  # the samples themselves would take twice as much


def test_a_card_says_of_what_it_is():
    held_out = dataset(noise(100, 1), split="test")
    (card,) = evaluator(held_out=held_out, bounds=True, seed=3)(SAMPLES)
    assert (card.metric, card.samples, card.reference, card.seed) == ("frechet_distance", 300, 200, 3)
    assert (card.data, card.data_sha256) == ("made/train", IMAGES.spec.sha256)
    assert (card.features, card.resize) == ("rows", None)
    assert card.floor is not None and card.ceiling is not None
    assert "the floor is of 100 held-out examples" in card.notes


def test_the_floor_is_the_held_out_data_and_the_ceiling_is_worse():
    held_out = load("ring8", "test", size=1000)
    cards = Evaluator(RING, held_out, metrics=[suites.modes(ring8)], samples=1000)(ring8.sample(1000))
    share = next(card for card in cards if card.metric == "high_quality_share")
    assert share.floor == pytest.approx(0.989, abs=0.01)
    assert share.ceiling < 0.1


def test_without_held_out_data_there_is_no_floor_and_no_memorisation():
    (card,) = evaluator(metrics=(suites.frechet, suites.memory), bounds=True)(SAMPLES)
    assert card.floor is None and card.ceiling is not None
    assert not any("floor" in note for note in card.notes)


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        ("ring8", {"sliced_wasserstein", "wasserstein", "mmd", "two_sample_accuracy", "modes_covered",
                   "high_quality_share", "mode_reverse_kl"}),
        ("moons", {"sliced_wasserstein", "wasserstein", "mmd", "two_sample_accuracy"}),
    ],
)  # fmt: skip
def test_points_are_measured_without_features(name, metrics):
    cards = Evaluator(load(name, size=1000), samples=1000)(load(name, "test", size=1000).x)
    assert set(values(cards)) == metrics
    assert {card.features for card in cards} == {None}


def test_images_of_unknown_kind_are_measured_by_their_pixels():
    held_out = dataset(noise(100, 1), split="test")
    cards = Evaluator(IMAGES, held_out, bounds=False)(SAMPLES)
    assert set(values(cards)) == {
        *("frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage"),
        "memorisation",
    }
    assert {card.features for card in cards} == {"pixels"}


def test_labels_add_the_metrics_by_class():
    cards = evaluator(metrics=suites.IMAGES)(SAMPLES, np.arange(300) % 2)
    assert "intra_class_frechet_distance" in values(cards)


def test_classes_too_small_for_a_distance_are_told_of_and_do_not_end_the_evaluation():
    labels = np.minimum(np.arange(300), 1)  # one sample of class 0
    with pytest.warns(UserWarning, match="at least 32 samples of class 0, got 1"):
        cards = evaluator(metrics=suites.IMAGES)(SAMPLES, labels)
    assert "intra_class_frechet_distance" not in values(cards)


def test_a_likelihood_says_what_it_is():
    model = Shifted()
    model.log_prob_estimate, model.range_width = "exact", 2.0
    model.log_prob = lambda x: np.linspace(-64.0, 0.0, len(x))
    *_, nats, bits = evaluator(held_out=dataset(noise(50, 1), split="test"), samples=200)(model)
    assert (nats.unit, nats.estimate, nats.samples) == ("nats", "exact", 50)
    assert nats.value == pytest.approx(-32.0)
    assert bits.value == pytest.approx(0.5 / np.log(2) + np.log2(127.5))
    assert (bits.data, bits.features) == ("made/test", None)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (noise(40, shape=(9, 9, 1)), r"like made/train, \(n, 8, 8, 1\), got \(40, 9, 9, 1\)"),
        (noise(40) * 2, r"expected samples in \[-1, 1\] like made/train, got values in \[-1.999"),
        (noise(40) / 2 + 0.5, r"the samples are in .*, and the reference in .* x \* 2 - 1"),
        (np.zeros((40, 8, 8, 1), np.uint8), "expected float samples, got uint8"),
        (np.where(np.arange(40)[:, None, None, None] == 30, np.nan, noise(40)), "in sample 30"),
        (np.full((40, 8, 8, 1), -0.5, np.float32), "identical"),
        (noise(0), "expected samples, got none"),
        (noise(10), "needs at least 32 samples, got 10"),
        (IMAGES.x, "the reference examples themselves"),
        ([(noise(40), np.zeros(40, int)), noise(40)], "labels in every batch or in none"),
    ],
)
def test_bad_samples_are_refused(samples, message):
    with pytest.raises(ValueError, match=message):
        evaluator()(samples)


def test_a_model_of_other_data_is_refused_before_it_draws():
    model = Shifted()
    model.data_shape = (28, 28, 1)
    with pytest.raises(ValueError, match=r"makes examples of shape \(28, 28, 1\), and made has"):
        evaluator()(model)
    assert model.drawn == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "expected samples >= 1"),
        ({"held_out": RING}, r"held-out examples of shape \(8, 8, 1\), like the reference"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        evaluator(**options)


def test_features_of_points_are_refused():
    with pytest.raises(ValueError, match="feature networks are for images"):
        Evaluator(RING, features=MEANS)


def test_large_pixels_are_refused():
    with pytest.raises(ValueError, match="images of 4096 values are too large"):
        suites.pixels()(noise(3, shape=(64, 64, 1)))


def test_labels_are_no_use_with_a_model():
    with pytest.raises(ValueError, match="labels belong to samples"):
        evaluator()(Shifted(), np.zeros(3, int))


class OfClasses(Shifted):
    """Draws noise around the class that it is told; around 0 without one, where it can do without."""

    log_prob_estimate = "exact"

    def __init__(self, needs_labels):
        super().__init__()
        self.takes_labels, self.needs_labels = True, needs_labels

    def sample(self, n, seed, labels=None):
        self.drawn.append(labels)
        means = 0.5 if labels is None else labels[:, None, None, None]
        return np.clip(noise(n, 99 + seed) / 4 + means - 0.5, -1, 1)

    def log_prob(self, x, labels=None):
        return -np.full(len(x), 7.0) if labels is None else -labels.astype("float64")


@pytest.mark.parametrize("needs_labels", [True, False])
def test_a_model_that_takes_labels_is_asked_for_the_classes_of_the_data(needs_labels):
    """Three of four examples are of class 1."""
    reference = dataset(noise(400), np.minimum(np.arange(400) % 4, 1))
    held_out = dataset(noise(60, 1), np.arange(60) % 2, split="test")
    model = OfClasses(needs_labels)
    options = {"features": MEANS, "metrics": suites.IMAGES, "bounds": False, "samples": 3000}
    cards = Evaluator(reference, held_out, **options)(model)
    assert np.mean(np.concatenate(model.drawn)) == pytest.approx(0.75, abs=0.04)
    assert values(cards)["intra_class_frechet_distance"] > 0
    assert values(cards)["log_likelihood"] == pytest.approx(-0.5)
    assert "the model was told the classes" in cards[-1].notes


def test_a_model_that_needs_labels_cannot_be_evaluated_on_data_without():
    reference = dataset(noise(200))
    with pytest.raises(ValueError, match="has no labels: evaluate samples in place of"):
        Evaluator(reference, features=MEANS, metrics=suites.QUICK)(OfClasses(needs_labels=True))


def test_a_model_that_can_do_without_labels_is_asked_for_none_on_data_without():
    model = OfClasses(needs_labels=False)
    held_out = dataset(noise(60, 1), split="test")
    options = {"features": MEANS, "metrics": suites.QUICK, "bounds": False, "samples": 300}
    cards = Evaluator(dataset(noise(200)), held_out, **options)(model)
    assert model.drawn == [None]
    assert values(cards)["log_likelihood"] == -7.0


class Refusing(Shifted):
    """Draws noise, and has no likelihood of such examples."""

    log_prob_estimate = "exact"

    def log_prob(self, x):
        raise ValueError("expected images of 8 levels")


def test_a_likelihood_that_is_refused_does_not_cost_the_other_cards():
    held_out = dataset(noise(60, 1), split="test")
    options = {"features": MEANS, "metrics": suites.QUICK, "bounds": False, "samples": 300}
    with pytest.warns(UserWarning, match="no likelihood of made/test: expected images of 8 levels"):
        cards = Evaluator(IMAGES, held_out, **options)(Refusing())
    assert "frechet_distance" in values(cards) and "log_likelihood" not in values(cards)


def test_metrics_of_ones_own():
    def mean(given):
        return [
            Card(metric="mean", value=float(given.samples.features.mean()), samples=len(given.samples))
        ]

    (card,) = evaluator(metrics=[mean])(np.full((40, 8, 8, 1), -0.25, np.float32))
    assert (card.metric, card.value) == ("mean", -0.25)


def test_blocks_of_an_array_are_small():
    assert max(len(x) for x, _ in sources.read(np.zeros((9000, 1)))) == sources.BLOCK
