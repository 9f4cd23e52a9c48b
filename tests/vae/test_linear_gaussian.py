"""A VAE where everything is known: x = W z + b + sigma e, with the columns of W orthogonal.

Then p(x) = N(b, W W' + sigma^2 I), and the posterior is normal with a diagonal covariance, so that a
linear encoder can be exact. The oracles are computed by NumPy in float64.
"""

import keras
import numpy as np
import pytest
from keras import ops

import kgen

SIGMA = 0.5
W = np.array([[1.0, 0.5], [1.0, -0.5], [0.0, 1.0]])  # orthogonal columns
B = np.array([0.1, -0.2, 0.3])
X = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
VARIANCE = 1.0 / (1.0 + (W**2).sum(0) / SIGMA**2)  # of the posterior, its diagonal


def posterior_mean(x):
    return (x - B) @ W / SIGMA**2 * VARIANCE


def log_evidence(x):
    covariance = W @ W.T + SIGMA**2 * np.eye(3)
    offset = x - B
    quadratic = np.einsum("bi,ij,bj->b", offset, np.linalg.inv(covariance), offset)
    return -0.5 * (quadratic + np.linalg.slogdet(covariance)[1] + 3 * np.log(2 * np.pi))


def linear(inputs, outputs, kernel, bias):
    network = keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs)])
    network.set_weights([np.asarray(kernel, "float32"), np.asarray(bias, "float32")])
    return network


def make(shift=0.0, widen=1.0, beta=1.0):
    """A VAE with the exact posterior, its means shifted and its variances widened."""
    kernel = np.concatenate([W * VARIANCE / SIGMA**2, np.zeros((3, 2))], axis=1)
    bias = np.concatenate([posterior_mean(np.zeros(3)) + shift, np.log(VARIANCE * widen)])
    encoder = linear(3, 4, kernel, bias)
    decoder = linear(2, 3, W.T, B)
    return kgen.VAE(encoder, decoder, kgen.vae.Gaussian(SIGMA), beta=beta)


def test_with_the_exact_posterior_one_sample_gives_the_evidence():
    """log p(x|z) + log p(z) - log q(z|x) is then log p(x), whatever the z."""
    result = make().log_prob(X, samples=1, seed=0)
    np.testing.assert_allclose(result, log_evidence(X), atol=2e-5)


@pytest.mark.parametrize(("shift", "widen"), [(0.3, 1.0), (0.0, 2.0), (-0.2, 0.5)])
def test_the_elbo_is_the_evidence_less_the_divergence_to_the_posterior(shift, widen):
    model = make(shift, widen)
    draws = 4000
    x = ops.convert_to_tensor(np.repeat(X, draws, axis=0))
    terms = model.elbo_terms(x, ops.convert_to_tensor(kgen.random.keys(1, len(X) * draws)))
    elbo = ops.convert_to_numpy(terms[0] - terms[1]).reshape(len(X), draws)
    # KL between normals of diagonal covariance: q has variance w v and mean m + s, p has v and m.
    divergence = 0.5 * np.sum(widen - 1.0 - np.log(widen) + shift**2 / VARIANCE)
    error = elbo.std(axis=1) / np.sqrt(draws)
    assert (np.abs(elbo.mean(axis=1) - (log_evidence(X) - divergence)) < 5 * error + 1e-4).all()


def test_the_kl_term_is_the_closed_form():
    model = make(shift=0.3, widen=2.0)
    _, kl = model.elbo_terms(ops.convert_to_tensor(X), ops.convert_to_tensor(kgen.random.keys(0, 6)))
    mean, variance = posterior_mean(X) + 0.3, 2.0 * VARIANCE
    expected = 0.5 * np.sum(variance + mean**2 - 1.0 - np.log(variance), axis=1)
    np.testing.assert_allclose(ops.convert_to_numpy(kl), expected, rtol=1e-4)


def test_more_samples_tighten_the_importance_bound():
    model = make(shift=0.3, widen=2.0)
    means = [model.log_prob(X, samples=k, seed=2).mean() for k in (1, 16, 256)]
    assert means[0] < means[1] < means[2] + 0.02
    np.testing.assert_allclose(means[2], log_evidence(X).mean(), atol=0.05)


def test_beta_weights_the_kl_in_the_loss():
    logs = {}
    for_each = {1.0: make(shift=0.3), 4.0: make(shift=0.3, beta=4.0)}
    for beta, model in for_each.items():
        model.random.reseed(0)
        model.compile("sgd")
        logs[beta] = model.evaluate(X, verbose=0, return_dict=True)
    expected = logs[1.0]["loss"] + 3.0 * logs[1.0]["kl"]
    assert logs[4.0]["loss"] == pytest.approx(expected, rel=1e-5)
    assert logs[1.0]["loss"] == pytest.approx(logs[1.0]["reconstruction"] + logs[1.0]["kl"], rel=1e-5)


def test_encode_decode_and_reconstruct():
    model = make()
    np.testing.assert_allclose(model.encode(X), posterior_mean(X), atol=1e-5)
    latents = posterior_mean(X).astype("float32")
    np.testing.assert_allclose(model.decode(latents), latents @ W.T + B, atol=1e-5)
    np.testing.assert_allclose(model.reconstruct(X), posterior_mean(X) @ W.T + B, atol=1e-5)


def test_training_finds_the_evidence_of_gaussian_data():
    """A linear VAE with a free scale fits N(0, 0.3^2 I) exactly: the loss ends at its entropy."""
    decoder = linear(2, 6, np.zeros((2, 6)), np.zeros(6))
    model = kgen.VAE(linear(3, 4, np.zeros((3, 4)), np.zeros(4)), decoder, kgen.vae.Gaussian(None))
    model.compile(keras.optimizers.Adam(0.02))
    x = np.random.default_rng(1).normal(0.0, 0.3, size=(512, 3)).astype("float32")
    model.fit(x, batch_size=128, epochs=60, verbose=0)
    entropy = 0.5 * 3 * np.log(2 * np.pi * np.e * 0.09)
    loss = model.evaluate(x, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(entropy, abs=0.1)
