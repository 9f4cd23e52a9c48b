"""Schedules against their derivatives, their ends, and direct sums in float64."""

import numpy as np
import pytest
from diffusion_oracles import array, tensor
from keras import ops

from kgen import backend
from kgen.diffusion.schedules import DDPM, EDM, NCSN, VE, VP, Cosine, FlowMatching, SubVP, Trigonometric

CONTINUOUS = [FlowMatching(), Trigonometric(), Cosine(), VP(), SubVP(), VE(), EDM()]
ALL = [*CONTINUOUS, DDPM.linear(), DDPM.cosine(), NCSN(levels=100)]
TIMES = np.linspace(0.02, 0.98, 49)


def name(value):
    return type(value).__name__


def between_steps(schedule):
    """Times at which the schedule has a derivative: inside the steps of a discrete one."""
    return TIMES + (0.0 if schedule.steps is None else 0.3 / schedule.steps)


@pytest.mark.parametrize("schedule", ALL, ids=name)
@pytest.mark.parametrize("part", ["a", "b", "log_snr"])
def test_a_derivative_is_that_of_autodiff(schedule, part):
    t = tensor(between_steps(schedule))
    _, expected = backend.jvp(getattr(schedule, part), t, ops.ones_like(t))
    rate = getattr(schedule, f"{part}_rate")(t)
    np.testing.assert_allclose(array(rate), array(expected), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("schedule", ALL, ids=name)
def test_time_0_is_data(schedule):
    assert float(schedule.a(tensor(0.0))) == pytest.approx(1.0, abs=1e-6)
    assert float(schedule.b(tensor(0.0))) == (pytest.approx(0.01) if name(schedule) == "VE" else 0.0)


@pytest.mark.parametrize("schedule", [FlowMatching(), Trigonometric(), Cosine()], ids=name)
def test_time_1_has_no_data(schedule):
    assert float(schedule.a(tensor(1.0))) == 0.0
    assert float(schedule.b(tensor(1.0))) == pytest.approx(1.0, abs=1e-6)
    assert not schedule.data_left()


@pytest.mark.parametrize("schedule", [VP(), SubVP(), VE(), EDM(), DDPM.linear()], ids=name)
def test_a_little_data_is_left_at_the_start(schedule):
    assert schedule.data_left()


@pytest.mark.parametrize("schedule", ALL, ids=name)
def test_the_signal_to_noise_ratio_falls(schedule):
    ratio = array(schedule.log_snr(tensor(np.linspace(schedule.first, schedule.last, 200))))
    assert np.all(np.diff(ratio) < 0)


@pytest.mark.parametrize("schedule", ALL, ids=name)
def test_time_of_inverts_the_signal_to_noise_ratio(schedule):
    t = np.linspace(schedule.first, 0.999, 200)
    np.testing.assert_allclose(array(schedule.time_of(schedule.log_snr(tensor(t)))), t, atol=1e-4)


@pytest.mark.parametrize("schedule", ALL, ids=name)
def test_time_of_any_ratio_is_in_the_interval(schedule):
    t = array(schedule.time_of(tensor([-60.0, -30.0, 0.0, 30.0, 60.0])))
    assert np.all((t >= 0.0) & (t <= 1.0))


@pytest.mark.parametrize("schedule", ALL, ids=name)
@pytest.mark.parametrize("part", ["a", "b", "a_rate", "b_rate"])
def test_all_is_finite_from_first_to_last(schedule, part):
    t = np.append(np.geomspace(max(schedule.first, 1e-6), schedule.last, 300), schedule.first)
    assert np.all(np.isfinite(array(getattr(schedule, part)(tensor(t)))))


@pytest.mark.parametrize("schedule", [Trigonometric(), Cosine(), VP(), DDPM.linear()], ids=name)
def test_variance_is_preserved(schedule):
    t = tensor(TIMES)
    total = array(schedule.a(t)) ** 2 + array(schedule.b(t)) ** 2
    np.testing.assert_allclose(total, 1.0, atol=1e-6)


def test_cosine_is_accurate_near_data():
    """b in float32 against float64: a difference 1 - a^2 would leave 3 digits."""
    t = 1e-4
    u = 0.5 * np.pi * (np.array([t, 0.0]) + 0.008) / 1.008
    expected = np.sqrt(1.0 - (np.cos(u[0]) / np.cos(u[1])) ** 2)
    assert float(Cosine().b(tensor(t))) == pytest.approx(expected, rel=1e-5)


def test_ddpm_is_the_product_of_its_betas():
    alpha_bar = np.cumprod(1.0 - np.linspace(1e-4, 0.02, 1000))
    schedule, t = DDPM.linear(1000), tensor(np.arange(1, 1001) / 1000)
    np.testing.assert_allclose(array(schedule.a(t)), np.sqrt(alpha_bar), rtol=1e-5)
    np.testing.assert_allclose(array(schedule.b(t)), np.sqrt(1.0 - alpha_bar), rtol=1e-5)


def test_cosine_betas_are_clipped():
    """Nichol and Dhariwal: alpha bar of step 500 of 1000 is cos^2, the last beta is 0.999."""
    schedule = DDPM.cosine(1000)
    expected = np.cos(0.5 * np.pi * 0.508 / 1.008) / np.cos(0.5 * np.pi * 0.008 / 1.008)
    assert schedule.betas[-1] == 0.999
    assert float(schedule.a(tensor(0.5))) == pytest.approx(expected, rel=1e-4)


def test_vp_is_the_limit_of_ddpm():
    """beta_k = beta(k / T) / T: Song et al., appendix B."""
    steps = 20000
    betas = (0.1 + 19.9 * np.arange(1, steps + 1) / steps) / steps
    t = tensor(TIMES)
    np.testing.assert_allclose(array(DDPM(tuple(betas)).a(t)), array(VP().a(t)), atol=5e-4)


def test_vp_has_the_drift_and_diffusion_of_its_equation():
    """dx = -beta / 2 x dt + sqrt(beta) dw: Song et al., equation 11."""
    beta = 0.1 + 19.9 * TIMES
    np.testing.assert_allclose(array(VP().drift(tensor(TIMES))), -0.5 * beta, rtol=1e-5)
    np.testing.assert_allclose(array(VP().diffusion_squared(tensor(TIMES))), beta, rtol=1e-5)


def test_sub_vp_has_the_diffusion_of_its_equation():
    """g^2 = beta (1 - exp(-2 B)): Song et al., equation 13."""
    beta, integral = 0.1 + 19.9 * TIMES, 0.1 * TIMES + 9.95 * TIMES**2
    expected = beta * -np.expm1(-2.0 * integral)
    np.testing.assert_allclose(array(SubVP().diffusion_squared(tensor(TIMES))), expected, rtol=1e-4)


def test_ve_grows_geometrically():
    sigma = array(VE(sigma_min=0.01, sigma_max=100.0).b(tensor([0.0, 0.25, 0.5, 1.0])))
    np.testing.assert_allclose(sigma, [0.01, 0.1, 1.0, 100.0], rtol=1e-5)


def test_ncsn_has_the_levels_of_the_paper():
    """Ten, from 0.01 to 1, each the same multiple of the one before; linear down to data."""
    sigma = array(NCSN().b(tensor(np.arange(1, 11) / 10)))
    np.testing.assert_allclose(sigma, np.geomspace(0.01, 1.0, 10), rtol=1e-5)
    assert float(NCSN().b(tensor(0.05))) == pytest.approx(0.005)


@pytest.mark.parametrize("numbers", [(1, 0.1, 1.0), (3, 0.0, 1.0), (3, 1.0, 0.5)])
def test_impossible_levels_are_refused(numbers):
    with pytest.raises(ValueError, match="levels >= 2 and 0 < sigma_min < sigma_max"):
        NCSN(*numbers)


def test_mix_has_a_time_for_each_example():
    x, z = tensor(np.ones((2, 3, 1))), tensor(np.full((2, 3, 1), 10.0))
    mixed = array(FlowMatching().mix(x, z, tensor([0.0, 0.25])))
    np.testing.assert_allclose(mixed[:, 0, 0], [1.0, 0.75 + 2.5])


@pytest.mark.parametrize("betas", [(), (0.1, 1.0), (0.0,)], ids=["none", "one", "zero"])
def test_impossible_betas_are_refused(betas):
    with pytest.raises(ValueError, match="betas as a tuple of numbers in"):
        DDPM(betas)


@pytest.mark.parametrize("schedule", ALL, ids=name)
def test_a_schedule_comes_back_from_its_config(schedule):
    assert type(schedule).from_config(schedule.get_config()) == schedule
    assert hash(schedule) == hash(type(schedule).from_config(schedule.get_config()))
