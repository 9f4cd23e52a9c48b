"""A flow as the posterior of a VAE, against the linear-Gaussian VAE whose evidence is known."""

import keras
import numpy as np
import pytest
from keras import ops
from test_linear_gaussian import SIGMA, VARIANCE, B, W, X, linear, log_evidence, posterior_mean

import kgen
from kgen.flow.layers import ActNorm, Inverse, Planar

SHIFT, LOG_SCALE = np.array([0.4, -0.3]), np.array([0.7, -0.2])
FLOWS = {
    "couplings": lambda: kgen.flow.RealNVP((2,), layers=2, hidden=(4,), context=4).transform,
    "iaf": lambda: kgen.flow.IAF((2,), layers=2, hidden=(4,), context=4).transform,
    "planar": lambda: Inverse(Planar(2, seed=0)),
    "no context": lambda: kgen.flow.IAF((2,), layers=1, hidden=(4,)).transform,
}


def affine():
    """z = exp(LOG_SCALE) u + SHIFT."""
    layer = ActNorm(2)
    layer.shift.assign(SHIFT)
    layer.log_scale.assign(LOG_SCALE)
    return layer


def make(flow, shift=0.0, scale=1.0, widen=1.0):
    """A normal u from the encoder, such that scale u + shift is exact but for the factor `widen`."""
    kernel = np.concatenate([W * VARIANCE / SIGMA**2 / scale, np.zeros((3, 2))], axis=1)
    bias = np.concatenate(
        [(posterior_mean(np.zeros(3)) - shift) / scale, np.log(widen * VARIANCE / scale**2)]
    )
    encoder, decoder = linear(3, 4, kernel, bias), linear(2, 3, W.T, B)
    return kgen.VAE(encoder, decoder, kgen.vae.Gaussian(SIGMA), posterior_flow=flow)


def terms(model, draws):
    x = ops.convert_to_tensor(np.repeat(X, draws, axis=0))
    keys = ops.convert_to_tensor(kgen.random.keys(1, len(X) * draws))
    return [ops.convert_to_numpy(t).reshape(len(X), draws) for t in model.elbo_terms(x, keys)]


def randomized(flow):
    rng = np.random.default_rng(0)
    for variable in flow.trainable_variables:
        variable.assign(rng.normal(0.0, 0.2, variable.shape))
    return flow


def test_a_flow_that_makes_the_posterior_exact_gives_the_evidence_from_one_sample():
    model = make(affine(), SHIFT, np.exp(LOG_SCALE))
    np.testing.assert_allclose(model.log_prob(X, samples=1, seed=0), log_evidence(X), atol=3e-5)
    np.testing.assert_allclose(model.encode(X), posterior_mean(X), atol=1e-5)


def test_the_kl_of_an_affine_flow_is_that_of_the_normal_it_makes():
    """The encoder gives N(m, v) of the exact posterior, the flow N(exp(s) m + b, exp(2 s) v)."""
    _, kl = terms(make(affine()), draws := 4000)
    scale = np.exp(LOG_SCALE)
    mean, variance = scale * posterior_mean(X) + SHIFT, scale**2 * VARIANCE
    expected = 0.5 * np.sum(variance + mean**2 - 1.0 - np.log(variance), axis=1)
    error = kl.std(axis=1) / np.sqrt(draws)
    assert (np.abs(kl.mean(axis=1) - expected) < 5 * error).all()


@pytest.mark.parametrize("name", FLOWS)
def test_the_elbo_is_a_bound_and_its_weights_have_the_evidence_as_their_mean(name):
    """E[ELBO] <= log p(x), and E[p(x, z) / q(z|x)] = p(x) whatever q is."""
    log_likelihood, kl = terms(make(randomized(FLOWS[name]()), shift=0.1, widen=3.0), draws := 8000)
    elbo = log_likelihood - kl
    error = elbo.std(axis=1) / np.sqrt(draws)
    assert (elbo.mean(axis=1) + 5 * error <= log_evidence(X)).all()
    weights = np.exp(elbo - log_evidence(X)[:, None])
    assert (np.abs(weights.mean(axis=1) - 1) < 5 * weights.std(axis=1) / np.sqrt(draws)).all()


def test_training_moves_the_flow_and_a_file_keeps_it(tmp_path):
    flow = FLOWS["iaf"]()
    model = make(randomized(flow))
    model.compile(keras.optimizers.Adam(0.01))
    before = [np.array(v.numpy()) for v in flow.trainable_variables]
    x = np.tile(X, (8, 1))
    model.fit(x, batch_size=24, epochs=2, verbose=0)
    after = [v.numpy() for v in flow.trainable_variables]
    assert all(np.abs(a - b).max() > 0 for a, b in zip(after, before, strict=True))
    model.save(tmp_path / "vae.keras")
    loaded = keras.saving.load_model(tmp_path / "vae.keras")
    np.testing.assert_array_equal(loaded.log_prob(X, samples=2, seed=0), model.log_prob(X, 2, 0))


def test_a_model_in_place_of_its_transform_is_an_error():
    with pytest.raises(TypeError, match=r"kgen\.flow\.IAF\(\(2,\)\)\.transform, got Flow"):
        make(kgen.flow.IAF((2,)))


@pytest.mark.parametrize(
    ("flow", "name"),
    [
        (kgen.flow.MAF((2,), layers=2, hidden=(4,)).transform, "MaskedAutoregressive"),
        (kgen.flow.FFJORD((2,), hidden=(4,)).transform, "Continuous"),
        (Planar(2), "Planar"),
        (Inverse(kgen.flow.FFJORD((2,), hidden=(4,)).transform), "Continuous"),
    ],
    ids=["maf", "ffjord", "planar", "inverse of ffjord"],
)
def test_a_flow_whose_inverse_cannot_learn_is_refused(flow, name):
    with pytest.raises(ValueError, match=f"has a gradient, but that of {name} .*IAF or couplings"):
        make(flow)


@pytest.mark.parametrize("name", FLOWS)
def test_the_flows_above_can_learn_and_do(name):
    flow = randomized(FLOWS[name]())
    model = make(flow)
    model.compile(keras.optimizers.SGD(0.01), jit_compile=True)
    before = [np.array(v.numpy()) for v in flow.trainable_variables]
    model.fit(X, batch_size=len(X), verbose=0)
    after = [v.numpy() for v in flow.trainable_variables]
    assert all(np.abs(a - b).max() > 0 for a, b in zip(after, before, strict=True))
