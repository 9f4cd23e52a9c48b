"""Targets: any of them tells data and noise, so each can become any other."""

import numpy as np
import pytest
from diffusion_oracles import array, tensor
from test_schedules import ALL as SCHEDULES
from test_schedules import name

from kgen.diffusion.schedules import EDM, VP, FlowMatching
from kgen.diffusion.targets import Data, F, Noise, Score, V, Velocity

TARGETS = [Data(), Noise(), V(), Velocity(), Score(), F()]
RANDOM = np.random.default_rng(0)
X, Z = RANDOM.normal(size=(2, 9, 3))


def times(schedule, target):
    """From a little after data to the latest useful time, but for rounding at the very ends."""
    return tensor(np.linspace(max(schedule.first, 0.05), min(target.last_time(schedule), 0.97), 9))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=name)
@pytest.mark.parametrize("target", TARGETS, ids=name)
def test_a_target_tells_data_and_noise(schedule, target):
    t = times(schedule, target)
    x_t = schedule.mix(tensor(X), tensor(Z), t)
    x, z = target.solve(schedule, x_t, target.make(schedule, tensor(X), tensor(Z), t), t)
    # float32 loses the digits by which x_t outgrows what is sought
    ratio = array(schedule.b(t) / schedule.a(t)).max()
    np.testing.assert_allclose(array(x), X, atol=2e-6 * (5.0 + ratio))
    np.testing.assert_allclose(array(z), Z, atol=2e-6 * (5.0 + 1.0 / array(schedule.b(t)).min()))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=name)
@pytest.mark.parametrize("target", TARGETS, ids=name)
def test_error_scale_is_the_change_of_the_target_with_the_data(schedule, target):
    """At fixed x_t, data x + 1 have the noise z - a / b: a finite difference, exact as y is linear."""
    t = times(schedule, target)
    a, b = array(schedule.a(t)), array(schedule.b(t))
    c, d = (array(part) for part in target.coefficients(schedule, t))
    moved = c * 1.0 + d * (0.0 - a / b)
    scale = array(target.error_scale(schedule, t))
    np.testing.assert_allclose(scale, np.abs(moved), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=name)
def test_velocity_is_the_derivative_of_the_path(schedule):
    t, step = 0.5 + 0.3e-3, 1e-3 / 8
    x, z = tensor(X), tensor(Z)
    ends = [array(schedule.mix(x, z, tensor([u] * 9))) for u in (t - step, t + step)]
    velocity = array(Velocity().make(schedule, x, z, tensor([t] * 9)))
    scale = np.abs(velocity).max()
    np.testing.assert_allclose(velocity, (ends[1] - ends[0]) / (2 * step), atol=5e-3 * scale)


def test_targets_by_hand():
    """x = 2, z = 3 at t = 0.25 on the straight path: a = 0.75, b = 0.25."""
    x, z, t = tensor([[2.0]]), tensor([[3.0]]), tensor([0.25])
    made = [float(target.make(FlowMatching(), x, z, t)[0, 0]) for target in TARGETS[:5]]
    assert made == [2.0, 3.0, 0.75 * 3.0 - 0.25 * 2.0, 1.0, -12.0]


def test_f_is_karras_network_output():
    """EDM's preconditioning from the paper's table 1: D = c_skip x + c_out F."""
    schedule, sigma, s = EDM(), 1.5, 0.5
    t = tensor([sigma / schedule.sigma_max])
    x, z = tensor([[0.7]]), tensor([[-1.2]])
    noisy = 0.7 - 1.2 * sigma
    c_skip, c_out = s**2 / (sigma**2 + s**2), sigma * s / np.sqrt(sigma**2 + s**2)
    made = float(F(data_std=s).make(schedule, x, z, t)[0, 0])
    assert made == pytest.approx((0.7 - c_skip * noisy) / c_out, rel=1e-5)


@pytest.mark.parametrize("target", [Data(), V(), Velocity(), F()], ids=name)
def test_these_targets_tell_the_data_without_any(target):
    """At t = 1 of the straight path x_t is pure noise: the target alone has to say what x is."""
    schedule, t = FlowMatching(), tensor([1.0] * 9)
    y = target.make(schedule, tensor(X), tensor(Z), t)
    x, z = target.solve(schedule, tensor(Z), y, t)
    np.testing.assert_allclose(array(x), X, atol=1e-5)
    np.testing.assert_allclose(array(z), Z, atol=1e-5)
    assert target.last_time(schedule) == 1.0


@pytest.mark.parametrize("target", [Noise(), Score()], ids=name)
def test_noise_starts_where_some_data_are_left(target):
    schedule = FlowMatching()
    assert float(schedule.log_snr(tensor(target.last_time(schedule)))) == pytest.approx(-9.0, abs=1e-3)
    assert target.last_time(VP()) == 1.0
