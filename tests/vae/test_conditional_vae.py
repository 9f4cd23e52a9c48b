"""A conditional VAE: linear and Gaussian for each label, so that log p(x|c) is known; and learned."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen.networks import mlp, with_labels

SIGMA = 0.5
W = np.array([[1.0], [0.5]])
OFFSETS = np.array([[0.0, 0.0], [2.0, -1.0], [-1.0, 3.0]])  # of each class: b_c + W z + sigma e
VARIANCE = 1.0 / (1.0 + (W**2).sum() / SIGMA**2)
LABELS = np.arange(9, dtype="int32") % 3
X = np.random.default_rng(0).normal(size=(9, 2)).astype("float32")


def shifted(outputs, kernel, shifts, name):
    """x W + shift of the class."""
    x = keras.Input((len(kernel),), name=name)
    labels = keras.Input((), dtype="int32", name="labels")
    dense = keras.layers.Dense(outputs)
    table = keras.layers.Embedding(3, outputs)
    network = keras.Model([x, labels], keras.layers.Add()([dense(x), table(labels)]))
    dense.set_weights([np.asarray(kernel, "float32"), np.zeros(outputs, "float32")])
    table.set_weights([np.asarray(shifts, "float32")])
    return network


def exact():
    """The posterior of class c is N((x - b_c) W v / sigma^2, v)."""
    kernel = np.concatenate([W * VARIANCE / SIGMA**2, np.zeros((2, 1))], axis=1)
    shifts = np.concatenate([-OFFSETS @ W * VARIANCE / SIGMA**2, np.full((3, 1), np.log(VARIANCE))], 1)
    encoder, decoder = shifted(2, kernel, shifts, "x"), shifted(2, W.T, OFFSETS, "z")
    return kgen.VAE(encoder, decoder, kgen.vae.Gaussian(SIGMA), classes=3)


def log_evidence(x, labels):
    covariance = W @ W.T + SIGMA**2 * np.eye(2)
    offset = x - OFFSETS[labels]
    quadratic = np.einsum("bi,ij,bj->b", offset, np.linalg.inv(covariance), offset)
    return -0.5 * (quadratic + np.linalg.slogdet(covariance)[1] + 2 * np.log(2 * np.pi))


def test_one_sample_gives_the_evidence_of_the_class():
    result = exact().log_prob(X, samples=1, seed=0, labels=LABELS)
    np.testing.assert_allclose(result, log_evidence(X, LABELS), atol=2e-5)


def test_the_bound_of_an_example_is_that_of_its_class():
    model, draws = exact(), 2000
    x, labels = (ops.convert_to_tensor(np.repeat(a, draws, axis=0)) for a in (X, LABELS))
    keys = ops.convert_to_tensor(kgen.random.keys(1, len(X) * draws))
    likelihood, kl = model.elbo_terms(x, keys, labels)
    elbo = ops.convert_to_numpy(likelihood - kl).reshape(len(X), draws).mean(axis=1)
    np.testing.assert_allclose(elbo, log_evidence(X, LABELS), atol=0.1)


def test_codes_and_reconstructions_use_the_class():
    model = exact()
    means = (X - OFFSETS[LABELS]) @ W * VARIANCE / SIGMA**2
    np.testing.assert_allclose(model.encode(X, LABELS), means, atol=1e-5)
    decoded = OFFSETS[LABELS] + means @ W.T
    np.testing.assert_allclose(model.decode(means.astype("float32"), LABELS), decoded, atol=1e-5)
    np.testing.assert_allclose(model.reconstruct(X, LABELS), decoded, atol=1e-5)
    np.testing.assert_allclose(model.predict([X, LABELS], verbose=0), decoded, atol=1e-5)


def test_samples_of_a_class_lie_around_its_offset():
    samples = exact().sample(3000, labels=1, seed=0)
    np.testing.assert_allclose(samples.mean(axis=0), OFFSETS[1], atol=0.1)
    by_turn = exact().sample(6, seed=0)
    np.testing.assert_array_equal(by_turn, exact().sample(6, labels=[0, 1, 2] * 2, seed=0))


def learned():
    encoder, decoder = (with_labels(mlp(2 + 4, 2, (16,), seed=i), 3, width=4, seed=i) for i in (0, 1))
    one = keras.Input((1,), name="z"), keras.Input((), dtype="int32", name="labels")
    decoder = keras.Model(one, decoder([keras.layers.Concatenate()([one[0], one[0]]), one[1]]))
    return kgen.VAE(encoder, decoder, kgen.vae.Gaussian(0.5), classes=3)


def test_it_learns_where_its_classes_lie_and_comes_back_from_a_file(tmp_path):
    keras.utils.set_random_seed(0)
    labels = np.arange(600, dtype="int32") % 3
    noise = np.random.default_rng(0).normal(size=(600, 2))
    x = (OFFSETS[labels] + 0.3 * noise).astype("float32")
    model = learned()
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x, labels, batch_size=100, epochs=30, verbose=0)
    for label in range(3):
        mean = model.sample(300, labels=label, seed=0).mean(axis=0)
        np.testing.assert_allclose(mean, OFFSETS[label], atol=0.4)
    right, wrong = (model.log_prob(x, labels=y, seed=0) for y in (labels, (labels + 1) % 3))
    assert (right > wrong).mean() > 0.95
    model.save(tmp_path / "cvae.keras")
    loaded = keras.saving.load_model(tmp_path / "cvae.keras")
    np.testing.assert_array_equal(loaded.sample(6, seed=1), model.sample(6, seed=1))


def test_an_encoder_may_know_more_than_the_decoder():
    encoder, decoder = with_labels(mlp(2 + 4, 4), 3, width=4), mlp(2, 2)
    model = kgen.VAE(encoder, decoder, kgen.vae.Gaussian(), classes=3)
    names = {name: list(inputs) for name, inputs in model.endpoints.items()}
    assert names == {
        "generate": ["seed"],
        "encode": ["x", "labels"],
        "decode": ["latents"],
        "reconstruct": ["x", "labels"],
    }
    assert (model.takes_labels, model.needs_labels) == (False, True)
    assert model.reconstruct(X, LABELS).shape == X.shape
    assert model.sample(4, seed=0).shape == (4, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: kgen.VAE(m.encoder, m.decoder, kgen.vae.Gaussian()), "or to neither"),
        (lambda m: kgen.VAE(mlp(2, 4), mlp(2, 2), kgen.vae.Gaussian(), classes=3), "or to neither"),
        (lambda m: m.fit(X, verbose=0), r"call fit\(x, labels\)"),
        (lambda m: m.fit(X, LABELS + 1, verbose=0), "labels 0 ... 2, got 3"),
        (lambda m: m.sample(2, labels=3), "labels 0 ... 2, got 3"),
        (lambda m: m.sample(2, lables=1), "takes no lables"),
        (lambda m: m.sample(0), "n >= 1"),
        (lambda m: m.log_prob(X), "needs labels"),
        (lambda m: m.encode(X), "conditional on labels"),
        (lambda m: kgen.VAE(mlp(2, 4), mlp(2, 2)).sample(2, labels=1), "takes no labels"),
    ],
)
def test_conditions_that_do_not_fit(call, message):
    model = exact()
    model.compile("adam")
    with pytest.raises(ValueError, match=message):
        call(model)
