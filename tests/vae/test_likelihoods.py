"""Likelihoods of decoder outputs against numbers computed by hand."""

import numpy as np
import pytest
from keras import ops

import kgen
from kgen.vae import Bernoulli, DiscretizedLogistic, Gaussian


def tensor(values):
    return ops.convert_to_tensor(np.array(values, dtype="float32"))


def test_bernoulli_maps_images_to_coins():
    """logits log 3: p = 3/4. x = 1 is heads, x = -1 tails: log(3/4) + log(1/4)."""
    outputs = tensor([[np.log(3.0), np.log(3.0)]])
    result = float(Bernoulli().log_prob(outputs, tensor([[1.0, -1.0]]))[0])
    assert result == pytest.approx(np.log(3 / 4) + np.log(1 / 4), rel=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(Bernoulli().mean(outputs)), [[0.5, 0.5]], rtol=1e-6)


def test_gaussian_with_a_fixed_scale():
    result = float(Gaussian(0.5).log_prob(tensor([[0.0, 1.0]]), tensor([[0.5, 1.0]]))[0])
    expected = -0.5 * 1.0 - 2 * np.log(0.5 * np.sqrt(2 * np.pi))
    assert result == pytest.approx(expected, rel=1e-5)


def test_gaussian_with_a_learned_scale_has_a_floor():
    likelihood = Gaussian(None, min_log_scale=-1.0)
    outputs = tensor([[0.2, -50.0]])  # one value: its mean, its log-scale
    result = float(likelihood.log_prob(outputs, tensor([[0.2]]))[0])
    assert result == pytest.approx(1.0 - 0.5 * np.log(2 * np.pi), rel=1e-5)


def test_discretized_logistic_masses_sum_to_one():
    grid = np.arange(256) / 127.5 - 1.0
    outputs = np.broadcast_to(np.array([0.1, -2.0]), (256, 2))
    masses = DiscretizedLogistic().log_prob(tensor(outputs), tensor(grid[:, None]))
    assert float(ops.sum(ops.exp(masses))) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    "likelihood", [Bernoulli(), Gaussian(0.3), Gaussian(None), DiscretizedLogistic(16)]
)
def test_config_round_trip(likelihood):
    assert type(likelihood).from_config(likelihood.get_config()) == likelihood


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"likelihood": Gaussian(None)}, "2 decoder output"),
        ({"beta": -1.0}, "beta >= 0"),
        ({"encoder": kgen.networks.mlp(2, 3)}, "means and log-variances"),
        ({"ema_decay": 1.0}, "EMA decay"),
        ({"betta": 1.0}, "betta"),
    ],
    ids=["outputs", "beta", "encoder", "ema", "typo"],
)
def test_networks_that_do_not_fit_are_refused(options, message):
    arguments = {"encoder": kgen.networks.mlp(2, 4), "decoder": kgen.networks.mlp(2, 2)} | options
    with pytest.raises((ValueError, TypeError), match=message):
        kgen.VAE(**arguments)
