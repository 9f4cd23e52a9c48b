"""Solvers on a mixture of Gaussians: every mode gets its share, and the whole its shape."""

import numpy as np
import pytest
from diffusion_oracles import Mixture, sample
from test_schedules import name

from kgen.diffusion.grids import Karras, Uniform
from kgen.diffusion.schedules import EDM, VP, Cosine, FlowMatching
from kgen.diffusion.solvers import (
    DDIM,
    Ancestral,
    DPMSolverPP2M,
    EDMSampler,
    EulerMaruyama,
    Heun,
    PredictorCorrector,
    RungeKutta,
    UniPC,
)

N = 2000
DATA = Mixture()
CASES = [
    (DDIM(), FlowMatching(), Uniform(), 60),
    (Heun(), FlowMatching(), Uniform(), 30),
    (EDMSampler(), EDM(), Karras(), 25),
    (EDMSampler(churn=0.2), EDM(), Karras(), 40),
    (DPMSolverPP2M(), Cosine(), Uniform(), 40),
    (UniPC(), VP(), Uniform(), 40),
    (Ancestral("small"), Cosine(), Uniform(), 100),
    (EulerMaruyama(), VP(), Uniform(), 100),
    (PredictorCorrector(), EDM(), Karras(), 40),
]


def sliced_wasserstein(x, y, directions=32):
    """The root mean square over directions of the distance of the sorted projections."""
    angle = np.pi * (np.arange(directions) + 0.5) / directions
    projections = np.stack([np.cos(angle), np.sin(angle)])
    return np.sqrt(np.mean((np.sort(x @ projections, axis=0) - np.sort(y @ projections, axis=0)) ** 2))


def assert_is_the_mixture(samples):
    """Within what two independent draws of the mixture differ by, and a little for the steps."""
    weights = np.array(DATA.weights)
    noise = np.sqrt(weights * (1.0 - weights) / N)
    assert np.all(np.abs(DATA.shares(samples) - weights) < 5.0 * noise)
    draws = [DATA.draw(N, seed) for seed in range(6)]
    between = max(sliced_wasserstein(draws[i], draws[i + 1]) for i in range(5))
    assert np.median([sliced_wasserstein(samples, draw) for draw in draws]) < between + 0.05


@pytest.mark.parametrize(
    ("solver", "schedule", "grid", "steps"), CASES, ids=[f"{case[0]}-{name(case[1])}" for case in CASES]
)
def test_a_sampler_reaches_the_mixture(solver, schedule, grid, steps):
    times = grid.times(schedule, steps, 0.0, 1.0)
    assert_is_the_mixture(sample(solver, DATA.problem(schedule), N, times))


def test_the_adaptive_solver_reaches_the_mixture():
    times = np.array([1.0, 1e-3], dtype="float32")
    assert_is_the_mixture(sample(RungeKutta(), DATA.problem(FlowMatching()), N, times))
