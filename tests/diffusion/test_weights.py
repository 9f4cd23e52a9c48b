"""Weights in the form in which their papers state them."""

import numpy as np
import pytest
from diffusion_oracles import array, tensor
from test_schedules import ALL as SCHEDULES
from test_schedules import between_steps, name

from kgen.diffusion.schedules import EDM, VP, Cosine, FlowMatching, Trigonometric
from kgen.diffusion.targets import Data, F, Noise, Score, V, Velocity
from kgen.diffusion.weights import EDMWeight, Likelihood, MinSNR, Simple

TIMES = np.linspace(0.05, 0.95, 19)
PRESERVING = [VP(), Cosine(), Trigonometric()]


def snr(schedule):
    t = tensor(TIMES)
    return (array(schedule.a(t)) / array(schedule.b(t))) ** 2


@pytest.mark.parametrize("target", [Data(), Noise(), V(), Velocity(), Score(), F()], ids=name)
def test_simple_is_one_for_every_target(target):
    np.testing.assert_array_equal(array(Simple()(VP(), target, tensor(TIMES))), np.ones(19))


@pytest.mark.parametrize("schedule", [*PRESERVING, FlowMatching()], ids=name)
def test_min_snr_of_data_and_noise(schedule):
    """Hang et al., section 3.4: min(SNR, 5), and min(SNR, 5) / SNR for noise."""
    t, ratio = tensor(TIMES), snr(schedule)
    of_data, of_noise = (MinSNR(5.0)(schedule, target, t) for target in (Data(), Noise()))
    np.testing.assert_allclose(array(of_data), np.minimum(ratio, 5.0), rtol=1e-4)
    np.testing.assert_allclose(array(of_noise), np.minimum(ratio, 5.0) / ratio, rtol=1e-4)


@pytest.mark.parametrize("schedule", PRESERVING, ids=name)
def test_min_snr_of_v(schedule):
    """min(SNR, 5) / (SNR + 1), on schedules with a^2 + b^2 = 1."""
    ratio = snr(schedule)
    weight = array(MinSNR(5.0)(schedule, V(), tensor(TIMES)))
    np.testing.assert_allclose(weight, np.minimum(ratio, 5.0) / (ratio + 1.0), rtol=1e-4)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=name)
def test_the_edm_weight_of_f_is_one(schedule):
    weight = EDMWeight(data_std=0.7)(schedule, F(data_std=0.7), tensor(TIMES))
    np.testing.assert_allclose(array(weight), 1.0, rtol=1e-4)


def test_the_edm_weight_of_data_is_the_papers():
    sigma, s = 80.0 * TIMES, 0.5
    weight = array(EDMWeight(s)(EDM(), Data(), tensor(TIMES)))
    np.testing.assert_allclose(weight, (sigma**2 + s**2) / (sigma * s) ** 2, rtol=1e-5)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=name)
def test_the_likelihood_weight_of_noise(schedule):
    """Half the rate at which log-SNR falls, by a finite difference in float64: VDM, equation 17."""
    t = between_steps(schedule)[2:-2]
    step = 1e-3 if schedule.steps is None else 0.2 / schedule.steps
    late, early = (array(schedule.log_snr(tensor(t + sign * step))) for sign in (1, -1))
    expected = 0.5 * (early - late) / (2 * step)
    weight = array(Likelihood()(schedule, Noise(), tensor(t)))
    np.testing.assert_allclose(weight, expected, rtol=2e-2)


def test_the_likelihood_weight_of_the_straight_path():
    """log-SNR = 2 log((1 - t) / t) falls at 2 / (t (1 - t))."""
    weight = array(Likelihood()(FlowMatching(), Noise(), tensor(TIMES)))
    np.testing.assert_allclose(weight, 1.0 / (TIMES * (1.0 - TIMES)), rtol=1e-4)
