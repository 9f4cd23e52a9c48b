"""NCSN end to end: its loss is denoising score matching, its samplers reach a known mixture."""

import keras
import numpy as np
import pytest
from diffusion_oracles import Mixture, array, tensor
from keras import ops
from test_solvers_mixture import assert_is_the_mixture

import kgen
from kgen.diffusion import (
    NCSN,
    VE,
    AnnealedLangevin,
    PredictorCorrector,
    Score,
    ScoreMatching,
)

DATA = Mixture()
LEVELS = NCSN(levels=12, sigma_min=0.05, sigma_max=6.0)


@keras.saving.register_keras_serializable("tests")
class MixtureScore(keras.layers.Layer):
    """The score of the noisy mixture, where a = 1."""

    def __init__(self, schedule, **kwargs):
        super().__init__(**kwargs)
        self.schedule = schedule

    def call(self, x, t):
        means, weights = tensor(DATA.means), tensor(DATA.weights)
        total = (DATA.deviation**2 + self.schedule.b(t) ** 2)[:, None]
        away = means[None] - x[:, None, :]  # (batch, components, 2)
        share = ops.softmax(ops.log(weights) - 0.5 * ops.sum(away**2, axis=-1) / total)
        return ops.sum(share[..., None] * away, axis=1) / total


def exact(schedule):
    inputs = [keras.Input((2,), name="x"), keras.Input((), name="t")]
    network = keras.Model(inputs, MixtureScore(schedule)(*inputs))
    return kgen.Diffusion(network, schedule, Score(), weight=ScoreMatching())


@pytest.mark.parametrize("schedule", [LEVELS, VE(0.05, 6.0)], ids=["NCSN", "VE"])
def test_the_loss_is_denoising_score_matching(schedule):
    """Song and Ermon, equations 5 and 6 with lambda = sigma^2: twice the loss, over dimensions."""
    n, network = 60, kgen.networks.residual_mlp(2, width=8, depth=1, seed=0)
    rng = np.random.default_rng(0)
    for weight in network.layers[-1].weights:  # it starts at zero
        weight.assign(rng.normal(0.0, 0.3, weight.shape))
    model = kgen.Diffusion(network, schedule, Score(), weight=ScoreMatching())
    keys, x = kgen.random.keys(0, n), DATA.draw(n, seed=1).astype("float32")
    t = model.times.sample(schedule, kgen.random.fold_in(keys, 0))
    if schedule is LEVELS:
        level = np.rint(array(t) * 12).astype(int)
        sigma = np.geomspace(0.05, 6.0, 12)[level - 1]
    else:
        sigma = 0.05 * 120.0 ** array(t)
    noisy = x + sigma[:, None] * array(kgen.random.normal(kgen.random.fold_in(keys, 1), (2,)))
    score = array(network([tensor(noisy), t]))
    matching = 0.5 * np.sum((score + (noisy - x) / sigma[:, None] ** 2) ** 2, axis=1)  # equation 5
    expected = sigma**2 * matching
    got = array(model.losses_of(tensor(x), None, keys))  # a mean over 2 dimensions, without the half
    np.testing.assert_allclose(got, expected, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("solver", "schedule", "steps"),
    [
        (AnnealedLangevin(steps=12, epsilon=0.5), LEVELS, 12),
        (PredictorCorrector(snr=0.16), LEVELS, 12),
        (PredictorCorrector(snr=0.16), VE(0.05, 6.0), 40),
    ],
    ids=["annealed-NCSN", "corrected-NCSN", "corrected-VE"],
)
def test_samples_are_of_the_mixture(solver, schedule, steps):
    samples = exact(schedule).sample(2000, solver=solver, steps=steps, seed=0, batch_size=2000)
    assert_is_the_mixture(samples)


def test_more_steps_than_levels_are_refused():
    with pytest.raises(ValueError, match="at most the 12 steps"):
        exact(LEVELS).sample(2, solver=AnnealedLangevin(), steps=13, seed=0)
