"""Time grids: they fall, they end where they should, and stop at a discrete schedule's own steps."""

import numpy as np
import pytest
from diffusion_oracles import array, tensor
from test_schedules import ALL as SCHEDULES
from test_schedules import name

from kgen.diffusion.grids import Karras, Quadratic, Shifted, Uniform
from kgen.diffusion.schedules import DDPM, EDM, VE, FlowMatching

GRIDS = [Uniform(), Quadratic(), Karras(), Shifted()]


@pytest.mark.parametrize("to_data", [True, False], ids=["to data", "to first"])
@pytest.mark.parametrize("steps", [1, 2, 7, 50])
@pytest.mark.parametrize("grid", GRIDS, ids=name)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=name)
def test_a_grid_falls_from_last_to_first(schedule, grid, steps, to_data):
    first = 0.0 if to_data else schedule.first
    times = grid.times(schedule, steps, first, schedule.last)
    assert times.shape == (steps + 1,)
    assert times.dtype == np.float32
    assert (times[0], times[-1]) == (np.float32(schedule.last), np.float32(first))
    assert np.all(np.diff(times) < 0)


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        (Uniform(), [1.0, 0.75, 0.5, 0.25, 0.0]),
        (Quadratic(), [1.0, 0.5625, 0.25, 0.0625, 0.0]),
        (Shifted(3.0), [1.0, 0.9, 0.75, 0.5, 0.0]),
    ],
    ids=name,
)
def test_grids_by_hand(grid, expected):
    np.testing.assert_allclose(grid.times(FlowMatching(), 4, 0.0, 1.0), expected, atol=1e-6)


def test_karras_is_the_papers_grid():
    """sigma_i = (s_max^(1/rho) + i / (N - 1) (s_min^(1/rho) - s_max^(1/rho)))^rho, sigma_N = 0."""
    high, low = 80.0 ** (1 / 7), 0.002 ** (1 / 7)
    expected = np.append((high + np.arange(18) / 17 * (low - high)) ** 7, 0.0)
    np.testing.assert_allclose(80.0 * Karras().times(EDM(), 18, 0.0, 1.0), expected, rtol=1e-4)


def test_karras_on_the_straight_path_has_the_same_sigmas():
    """Between its first step from pure noise and its last one to data."""
    times = Karras().times(FlowMatching(), 10, 0.0, 1.0)[1:-1].astype("float64")
    roots = (times / (1.0 - times)) ** (1 / 7)
    np.testing.assert_allclose(np.diff(roots), np.diff(roots).mean(), rtol=2e-3)


def test_karras_goes_on_to_the_least_noise_of_a_schedule_that_keeps_some():
    noise = array(VE().b(tensor(Karras().times(VE(), 5, 0.0, 1.0))))
    np.testing.assert_allclose(np.diff(noise ** (1 / 7)), np.diff(noise ** (1 / 7)).mean(), rtol=1e-3)


@pytest.mark.parametrize("grid", GRIDS, ids=name)
@pytest.mark.parametrize("steps", [5, 99, 100])
def test_times_of_a_discrete_schedule_are_its_steps(grid, steps):
    k = 100.0 * grid.times(DDPM.linear(100), steps, 0.0, 1.0)
    np.testing.assert_allclose(k, np.rint(k), atol=1e-4)


def test_all_steps_of_a_discrete_schedule():
    times = Uniform().times(DDPM.linear(1000), 1000, 0.0, 1.0)
    np.testing.assert_allclose(times, np.arange(1000, -1, -1) / 1000, atol=1e-7)


@pytest.mark.parametrize(
    ("steps", "message"), [(0, "steps >= 1, got 0"), (101, "at most the 100 steps")]
)
def test_impossible_numbers_of_steps_are_refused(steps, message):
    with pytest.raises(ValueError, match=message):
        Uniform().times(DDPM.linear(100), steps, 0.0, 1.0)


@pytest.mark.parametrize("grid", [Shifted(shift=2.0), Karras(rho=5.0)], ids=name)
def test_a_grid_comes_back_from_its_config(grid):
    assert type(grid).from_config(grid.get_config()) == grid
