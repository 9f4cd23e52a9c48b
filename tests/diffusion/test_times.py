"""Time distributions: what is drawn has the density that is claimed."""

import numpy as np
import pytest
from diffusion_oracles import array, tensor
from test_schedules import name

import kgen.random
from kgen.diffusion.schedules import DDPM, EDM, VP, FlowMatching
from kgen.diffusion.times import LogitNormal, LogNormalNoise, ShiftedTimes, UniformTimes

N = 20000
CASES = [
    (UniformTimes(), FlowMatching()),
    (UniformTimes(), VP()),
    (LogitNormal(mean=-0.5, std=0.8), FlowMatching()),
    (LogNormalNoise(), FlowMatching()),
    (LogNormalNoise(mean=0.0, std=1.0), VP()),
    (ShiftedTimes(shift=3.0), FlowMatching()),
    (ShiftedTimes(shift=0.5, times=LogitNormal()), FlowMatching()),
]
IDS = [f"{name(times)}-{name(schedule)}-{i}" for i, (times, schedule) in enumerate(CASES)]


def draw(times, schedule, n=N, seed=0):
    return array(times.sample(schedule, tensor_keys(seed, n)))


def tensor_keys(seed, n):
    return kgen.random.keys(seed, n)


@pytest.mark.parametrize(("times", "schedule"), CASES, ids=IDS)
def test_the_histogram_has_the_density(times, schedule):
    """The share in each of 20 bins, within 5 standard deviations of the integral of the density."""
    edges = np.linspace(0.0, 1.0, 21)
    counts = np.histogram(draw(times, schedule), edges)[0]
    fine = (np.arange(2000) + 0.5) / 2000
    density = array(times.density(schedule, tensor(fine))) * (fine >= schedule.first)
    expected = density.reshape(20, 100).mean(axis=1) / 20
    assert np.sum(expected) == pytest.approx(1.0, abs=2e-3)
    noise = np.sqrt(expected * (1.0 - expected) / N)
    assert np.all(np.abs(counts / N - expected) < 5.0 * noise + 1e-3)


@pytest.mark.parametrize(("times", "schedule"), CASES, ids=IDS)
def test_times_stay_within_the_schedule(times, schedule):
    t = draw(times, schedule, 2000)
    assert np.all((t >= np.float32(schedule.first)) & (t <= schedule.last))


def test_edm_draws_its_noise_log_normally():
    """Karras et al., table 1: log sigma ~ N(-1.2, 1.2^2)."""
    log_sigma = np.log(80.0 * draw(LogNormalNoise(), EDM()))
    assert np.mean(log_sigma) == pytest.approx(-1.2, abs=5 * 1.2 / np.sqrt(N))
    assert np.std(log_sigma) == pytest.approx(1.2, abs=5 * 1.2 / np.sqrt(2 * N))


def test_a_shift_moves_times_towards_noise():
    """t' = 3 t / (1 + 2 t) takes the median 1/2 to 3/4."""
    assert np.median(draw(ShiftedTimes(3.0), FlowMatching())) == pytest.approx(0.75, abs=0.01)


def test_times_of_a_discrete_schedule_are_its_steps_alike():
    k = np.rint(10.0 * draw(UniformTimes(), DDPM.linear(10))).astype(int)
    counts = np.bincount(k, minlength=11)
    assert counts[0] == 0
    assert np.all(np.abs(counts[1:] / N - 0.1) < 5.0 * np.sqrt(0.09 / N))


@pytest.mark.parametrize("n", [1, 7, 64])
def test_low_discrepancy_times_cover_the_interval_evenly(n):
    """One in each n-th of it."""
    t = draw(UniformTimes(low_discrepancy=True), FlowMatching(), n)
    t = (t - 1e-4) / (1.0 - 1e-4)
    assert sorted(np.floor(np.clip(t, 0.0, 0.999999) * n).astype(int)) == list(range(n))


def test_low_discrepancy_times_are_uniform_over_seeds():
    times = UniformTimes(low_discrepancy=True)
    first = [draw(times, FlowMatching(), 4, seed)[0] for seed in range(200)]
    assert np.mean(first) == pytest.approx(0.5, abs=5 * np.sqrt(1 / 12 / 200))


@pytest.mark.parametrize("times", [times for times, _ in CASES], ids=IDS)
def test_times_come_back_from_their_config(times):
    assert type(times).from_config(times.get_config()) == times
