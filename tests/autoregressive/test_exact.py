"""On models with few states, everything is counted; on larger ones the cache must change nothing."""

import keras
import numpy as np
import pytest
from small_models import TINY, WIDER, labels_for, number_of, states

import kgen

N = 4000
KEYS = kgen.random.keys(11, N)


@pytest.fixture(scope="module", params=TINY)
def tiny(request):
    """A model, its probability of every state, and samples; all with label 1 where it takes labels."""
    model = TINY[request.param]()
    if request.param not in ("gated_pixelcnn", "transformer"):
        model.compile("sgd")  # the others need no XLA on TensorFlow, which takes its time
    x = states(model)
    model.probabilities = np.exp(model.log_prob(x, *labels_for(model, len(x), 1)))
    model.samples = model.generate(KEYS, *labels_for(model, N, 1), batch_size=N)
    return model


def assert_frequencies(counts, probabilities):
    """Counts of independent draws, within five standard deviations of each."""
    n = counts.sum()
    error = np.sqrt(n * probabilities * (1 - probabilities))
    assert (np.abs(counts - n * probabilities) < 5 * error + 1e-3).all()


def test_probabilities_of_all_states_sum_to_one(tiny):
    assert tiny.probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert 0.01 < tiny.probabilities.max() < 0.9  # neither even nor certain


def test_samples_are_as_frequent_as_they_are_probable(tiny):
    counts = np.bincount(number_of(tiny, tiny.samples), minlength=len(tiny.probabilities))
    assert_frequencies(counts, tiny.probabilities)


def test_completions_keep_what_is_given_and_follow_the_conditional_probability(tiny):
    """The first two positions are those of the likeliest state; the rest is drawn."""
    x = np.repeat(states(tiny)[tiny.probabilities.argmax()][None], N, axis=0)
    told = labels_for(tiny, 1, 1)
    drawn = tiny.complete(x, 2, *[label[0] for label in told], seed=5, batch_size=N)
    same = states(tiny).reshape(len(tiny.probabilities), -1)[:, :2] == x.reshape(N, -1)[0, :2]
    possible = same.all(axis=1)
    counts = np.bincount(number_of(tiny, drawn), minlength=len(possible))
    assert counts[~possible].sum() == 0
    conditional = tiny.probabilities[possible] / tiny.probabilities[possible].sum()
    assert_frequencies(counts[possible], conditional)


@pytest.mark.parametrize("name", WIDER)
def test_the_cache_changes_no_sample(name):
    """Every layer one position at a time, against the whole network for every position."""
    model = WIDER[name]()
    model.compile("sgd")
    arguments = (kgen.random.keys(2, 6), *labels_for(model, 6))
    expected = model.generate(*arguments, cached=False)
    np.testing.assert_allclose(model.generate(*arguments), expected, atol=1e-5)
    assert np.std(expected) > 0.3


def test_log_prob_is_the_loss():
    model = TINY["lstm"]()
    model.compile("sgd")
    x = states(model)
    loss = model.evaluate(x, verbose=0, batch_size=16, return_dict=True)["loss"]
    assert loss == pytest.approx(-model.log_prob(x).mean(), rel=1e-5)


def test_dynamic_binarisation_tosses_a_coin_for_each_pixel():
    """On grey 0.5 the pixels are 1 with probability 3/4, whatever the others are."""
    model = TINY["pixelcnn"]()
    twin = kgen.Autoregressive(model.network, model.likelihood, binarize=True)
    x = np.full((N, 2, 2, 1), 0.5, "float32")
    losses = keras.ops.convert_to_numpy(
        twin.losses_of(keras.ops.convert_to_tensor(x), None, keras.ops.convert_to_tensor(KEYS))
    )
    log_prob = model.log_prob(states(model))
    ones = (states(model).reshape(16, -1) == 1).sum(axis=1)
    weights = 0.75**ones * 0.25 ** (4 - ones)
    mean, variance = -(weights @ log_prob), weights @ log_prob**2 - (weights @ log_prob) ** 2
    assert abs(losses.mean() - mean) < 5 * np.sqrt(variance / N)


def test_labels_matter():
    model = TINY["text"]()
    x = states(model)
    assert (
        np.abs(model.log_prob(x, np.zeros(27, int)) - model.log_prob(x, np.ones(27, int))).max() > 0.1
    )


def test_top_1_is_the_likeliest_value_at_every_position():
    model = TINY["made"]()
    model.compile("sgd")
    drawn = model.sample(3, top_k=1, seed=0)
    assert (drawn == drawn[0]).all()
    log_prob = dict(zip(range(16), model.log_prob(states(model)), strict=True))
    first = sum(np.exp(log_prob[i]) for i in range(8, 16))  # the states that begin with a 1
    assert (drawn[0].ravel()[0] == 1) == (first > 0.5)
