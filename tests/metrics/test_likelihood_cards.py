"""Cards of likelihoods: numbers by hand, labels from the model."""

import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import kgen
from kgen.metrics.likelihood import likelihood_card, model_likelihood

VALUES = np.array([-1.0, -2.0, -3.0, -6.0])


def test_mean_and_standard_error_in_nats():
    card = likelihood_card(VALUES, "exact")
    assert card.value == -3.0
    assert card.error == pytest.approx(math.sqrt((4 + 1 + 0 + 9) / 3 / 4))
    assert (card.metric, card.unit, card.estimate) == ("log_likelihood", "nats", "exact")
    assert card.higher_is_better


def test_bits_per_dim_of_a_density_in_minus_one_to_one():
    card = likelihood_card(VALUES, "ODE", unit="bits/dim", shape=(2, 2, 1), range_width=2.0)
    assert card.value == pytest.approx(3.0 / (4 * math.log(2)) + math.log2(127.5))
    assert card.error == pytest.approx(math.sqrt(14 / 12) / (4 * math.log(2)))
    assert (card.metric, card.unit, card.estimate) == ("bits_per_dim", "bits/dim", "ODE")
    assert not card.higher_is_better
    assert "read as a density, width 2" in card.notes


def test_an_importance_sampled_one_says_how_often():
    card = likelihood_card(VALUES, "importance-sampled", 64, seed=3)
    assert (card.estimate, card.notes[0], card.seed) == ("importance-sampled", "k = 64", 3)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([-1.0, np.nan, -np.inf], {}, "2 of 3 NaN or infinite: the first, nan, is of example 1"),
        ([-1.0, -2.0, -np.inf], {}, "1 of 3 NaN or infinite: the first, -inf, is of example 2"),
        ([], {}, "needs at least 2 examples, got 0"),
        ([-1.0], {}, "needs at least 2 examples, got 1"),
        ([[-1.0], [-2.0]], {}, r"one number an example, \(n,\), got float64 of shape \(2, 1\)"),
        (VALUES, {"estimate": "sample"}, "expected an estimate of"),
        (VALUES, {"estimate": "importance-sampled"}, "importance_samples=None"),
        (VALUES, {"importance_samples": 5}, "estimate='exact' and importance_samples=5"),
        (
            VALUES,
            {"estimate": "importance-sampled", "importance_samples": 0},
            "importance_samples >= 1",
        ),
        (VALUES, {"unit": "bits"}, "expected unit 'nats' or 'bits/dim', got 'bits'"),
        (VALUES, {"unit": "bits/dim"}, "needs the shape of one example"),
        (VALUES, {"range_width": 2.0}, "range_width is for bits/dim"),
    ],
)
def test_bad_input_is_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        likelihood_card(np.asarray(values), **{"estimate": "exact"} | options)


def unused_latents():
    """A VAE that ignores its latents and knows its posterior: log p(x) is that of a normal at 0."""
    encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, kernel_initializer="zeros")])
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, kernel_initializer="zeros")])
    return kgen.VAE(encoder, decoder, kgen.vae.Gaussian(0.5))


X = np.random.default_rng(0).normal(size=(200, 3)).astype("float32")
EVIDENCE = (-0.5 * (X / 0.5) ** 2 - math.log(0.5) - 0.5 * math.log(2 * math.pi)).sum(axis=1).mean()


@pytest.mark.parametrize(
    ("k", "estimate", "notes"), [(8, "importance-sampled", ("k = 8",)), (1, "bound", ())]
)
def test_a_vae_says_what_its_likelihood_is(k, estimate, notes):
    (card,) = model_likelihood(unused_latents(), X, importance_samples=k, seed=5)
    assert card.value == pytest.approx(EVIDENCE, rel=1e-5)
    assert (card.estimate, card.notes, card.samples, card.seed) == (estimate, notes, 200, 5)


IMAGES = np.zeros((200, 2, 2, 1), "float32")  # level 127.5 of 0..255: in the middle of the range


def constant_images(likelihood):
    """A VAE that ignores its latents; all its decoder's outputs are 0."""
    layers = keras.layers
    encoder = [keras.Input((2, 2, 1)), layers.Flatten(), layers.Dense(4, kernel_initializer="zeros")]
    outputs = layers.Dense(4 * likelihood.outputs, kernel_initializer="zeros")
    decoder = [keras.Input((2,)), outputs, layers.Reshape((2, 2, likelihood.outputs))]
    return kgen.VAE(keras.Sequential(encoder), keras.Sequential(decoder), likelihood)


NORMAL_BITS = math.log2(0.5 * math.sqrt(2 * math.pi)) + math.log2(127.5)
# a logistic of scale 1 around 0, in the bin from -1/255 to 1/255
LOGISTIC_BITS = -math.log2(1 / (1 + math.exp(-1 / 255)) - 1 / (1 + math.exp(1 / 255)))


@pytest.mark.parametrize(
    ("likelihood", "bits", "note"),
    [
        (kgen.vae.Gaussian(0.5), NORMAL_BITS, "read as a density, width 2"),
        (
            kgen.vae.DiscretizedLogistic(),
            LOGISTIC_BITS,
            "read as a probability of discrete values",
        ),
    ],
    ids=["Gaussian", "DiscretizedLogistic"],
)
def test_bits_per_dim_of_images_are_what_the_decoder_says(likelihood, bits, note):
    nats, card = model_likelihood(constant_images(likelihood), IMAGES, importance_samples=4)
    assert (nats.unit, card.unit, card.notes) == ("nats", "bits/dim", (note, "k = 4"))
    assert card.value == pytest.approx(bits, rel=1e-4)
    assert nats.value == pytest.approx(-likelihood_nats(bits, card.notes[0]), rel=1e-4)


def likelihood_nats(bits, note):
    return 4 * math.log(2) * (bits - (math.log2(127.5) if "density" in note else 0.0))


def test_a_cross_entropy_of_images_has_no_bits_per_dim():
    (card,) = model_likelihood(constant_images(kgen.vae.Bernoulli()), IMAGES, importance_samples=4)
    assert card.value == pytest.approx(-4 * math.log(2))
    assert card.notes[-1].startswith("no probability of images")


def test_a_bound_on_the_probability_of_images_is_taken_where_there_is_one():
    given = {}

    def bound(x, levels, seed):
        given.update(levels=levels, seed=seed)
        return SimpleNamespace(total=np.full(len(x), 4 * math.log(256)))

    model = SimpleNamespace(log_prob_estimate="ODE", range_width=2.0, log_prob=None, bound=bound)
    nats, bits = model_likelihood(model, IMAGES, seed=3)
    assert given == {"levels": 256, "seed": 3}
    assert (nats.value, bits.value) == (pytest.approx(-4 * math.log(256)), pytest.approx(8.0))
    assert (bits.estimate, bits.seed) == ("bound", 3)
    assert bits.notes == ("read as a probability of discrete values",)


def test_a_diffusion_model_has_a_density_of_points():
    model = kgen.Diffusion(kgen.networks.residual_mlp(2, width=4, depth=1))
    assert [card.estimate for card in model_likelihood(model, X[:, :2])] == ["ODE"]
    assert model.range_width == 2.0


def test_a_diffusion_model_has_a_bound_of_images():
    x, t = keras.Input((2, 2, 1), name="x"), keras.Input((), name="t")
    network = keras.Model([x, t], keras.layers.Conv2D(1, 1, kernel_initializer="zeros")(x))
    levels = np.random.default_rng(0).integers(0, 256, (100, 2, 2, 1)) / 127.5 - 1
    cards = model_likelihood(kgen.Diffusion(network), levels.astype("float32"))
    assert [(card.unit, card.estimate) for card in cards] == [("nats", "bound"), ("bits/dim", "bound")]
    assert cards[1].value > 8.0  # nothing is better than 8 bits on evenly spread values


@pytest.mark.parametrize(("estimate", "seed"), [("exact", None), ("ODE", 0), ("bound", 0)])
def test_only_what_is_not_exact_is_given_a_seed(estimate, seed):
    given = {}

    def log_prob(x, **options):
        given.update(options)
        return -np.abs(x[:, 0])

    model = SimpleNamespace(log_prob_estimate=estimate, log_prob=log_prob)
    (card,) = model_likelihood(model, X)
    assert (card.estimate, card.seed) == (estimate, seed)
    assert given == ({} if seed is None else {"seed": seed})


def test_a_model_without_likelihood_is_refused():
    gan = kgen.GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1))
    with pytest.raises(ValueError, match="GAN declares no log_prob_estimate"):
        model_likelihood(gan, X)
