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
    card = model_likelihood(unused_latents(), X, importance_samples=k, seed=5)
    assert card.value == pytest.approx(EVIDENCE, rel=1e-5)
    assert (card.estimate, card.notes, card.samples, card.seed) == (estimate, notes, 200, 5)


def test_bits_per_dim_of_a_model_takes_the_shape_of_its_data():
    card = model_likelihood(unused_latents(), X, 4, unit="bits/dim", range_width=2.0)
    assert card.value == pytest.approx(-EVIDENCE / (3 * math.log(2)) + math.log2(127.5), rel=1e-5)


@pytest.mark.parametrize(("estimate", "seed"), [("exact", None), ("ODE", 0), ("bound", 0)])
def test_only_what_is_not_exact_is_given_a_seed(estimate, seed):
    given = {}

    def log_prob(x, **options):
        given.update(options)
        return -np.abs(x[:, 0])

    card = model_likelihood(SimpleNamespace(log_prob_estimate=estimate, log_prob=log_prob), X)
    assert (card.estimate, card.seed) == (estimate, seed)
    assert given == ({} if seed is None else {"seed": seed})


def test_a_model_without_likelihood_is_refused():
    gan = kgen.GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1))
    with pytest.raises(ValueError, match="GAN declares no log_prob_estimate"):
        model_likelihood(gan, X)
