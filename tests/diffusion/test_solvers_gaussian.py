"""Solvers on Gaussian data, for which the best prediction and the whole flow are known exactly."""

import numpy as np
import pytest
from diffusion_oracles import Gaussian, array, noisy, sample, solve, tensor
from keras import ops
from test_schedules import name

import kgen.random
from kgen.diffusion.grids import Karras, Uniform
from kgen.diffusion.schedules import DDPM, EDM, VE, VP, Cosine, FlowMatching, Trigonometric
from kgen.diffusion.solvers import (
    DDIM,
    Ancestral,
    AnnealedLangevin,
    DPMSolverPP2M,
    EDMSampler,
    Euler,
    EulerMaruyama,
    Heun,
    PredictorCorrector,
    Problem,
    RungeKutta,
    UniPC,
)

DATA = Gaussian()
DETERMINISTIC = [DDIM(), Euler(), Heun(), EDMSampler(), DPMSolverPP2M(), UniPC()]
STOCHASTIC = [
    Ancestral("small"),
    Ancestral("large"),
    DDIM(eta=0.5),
    DDIM(eta=1.0),
    EDMSampler(churn=0.1),
    EulerMaruyama(),
    PredictorCorrector(),
]
ORDERS = {"DDIM": 1, "Euler": 1, "Heun": 2, "EDMSampler": 2, "DPMSolverPP2M": 2, "UniPC": 3}


def start(schedule, n=16):
    x = np.random.default_rng(1).normal(size=(n, 2))
    return noisy(schedule, 0.5 * x, schedule.last)


def error(solver, schedule, first, steps):
    """The largest distance to where the exact flow ends."""
    x = start(schedule)
    times = Uniform().times(schedule, steps, first, schedule.last)
    reached = solve(solver, DATA.problem(schedule), x, times)
    return np.abs(reached - DATA.flow(schedule, array(x), times[0], times[-1])).max()


@pytest.mark.parametrize("solver", DETERMINISTIC, ids=name)
@pytest.mark.parametrize(("schedule", "first"), [(VP(), 0.1), (FlowMatching(), 0.05)], ids=name)
def test_the_order_of_convergence(solver, schedule, first):
    """The slope of log error against log steps, over 32 to 128 steps; 1/4 for what is not yet limit."""
    steps = np.array([32, 64, 128])
    errors = [error(solver, schedule, first, n) for n in steps]
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(ORDERS[name(solver)], abs=0.25)


@pytest.mark.parametrize("solver", DETERMINISTIC, ids=name)
@pytest.mark.parametrize(
    "schedule", [FlowMatching(), Trigonometric(), Cosine(), VP(), DDPM.linear()], ids=name
)
def test_the_whole_way_from_pure_noise_to_data(solver, schedule):
    """At t = 1 some have a = 0, at t = 0 b = 0: the error falls still, 8 times the steps to a third."""
    few, many = (error(solver, schedule, 0.0, n) for n in (8, 64))
    assert many < 0.06
    assert many < few / 3.0


@pytest.mark.parametrize("schedule", [FlowMatching(), VP(), EDM()], ids=name)
@pytest.mark.parametrize("solver", [DDIM(), DPMSolverPP2M(), UniPC(), EDMSampler()], ids=name)
def test_data_of_one_point_are_found_in_one_step(solver, schedule):
    """The prediction is the point at all times, and these solvers keep the noise's share exactly."""
    point = Gaussian(mean=(1.0, -0.5), variance=(0.0, 0.0))
    reached = solve(solver, point.problem(schedule), start(schedule), [schedule.last, 0.0])
    np.testing.assert_allclose(reached, [[1.0, -0.5]] * 16, atol=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_ddim_shrinks_a_gaussian_by_cosines(steps):
    """The mean is exact; the deviation is multiplied by cos(u_t - u_s), tan u = b / a, d = 1.

    On the trigonometric schedule u = pi t / 2, so n equal steps give cos(pi / 2 n)^n in all.
    """
    problem = Gaussian(mean=(3.0,), variance=(1.0,)).problem(Trigonometric())
    times = Uniform().times(Trigonometric(), steps, 0.0, 1.0)
    reached = solve(DDIM(), problem, tensor([[-2.0], [0.0], [1.0]]), times)
    shrunk = np.cos(0.5 * np.pi / steps) ** steps
    np.testing.assert_allclose(reached[:, 0], 3.0 + shrunk * np.array([-2, 0, 1]), atol=2e-6)


def test_euler_is_ddim_on_the_straight_path():
    x, times = start(FlowMatching()), Uniform().times(FlowMatching(), 10, 0.0, 1.0)
    ends = [solve(solver, DATA.problem(FlowMatching()), x, times) for solver in (Euler(), DDIM())]
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-5)


def test_edm_without_churn_is_heun():
    """On EDM's schedule sigma is proportional to t."""
    x, times = start(EDM()), Karras().times(EDM(), 18, 0.0, 1.0)
    ends = [solve(solver, DATA.problem(EDM()), x, times) for solver in (EDMSampler(), Heun())]
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-4)


def test_edm_follows_the_flow_to_data():
    x, times = start(EDM()), Karras().times(EDM(), 60, 0.0, 1.0)
    reached = solve(EDMSampler(), DATA.problem(EDM()), x, times)
    np.testing.assert_allclose(reached, DATA.flow(EDM(), array(x), 1.0, 0.0), atol=0.01)


@pytest.mark.parametrize("schedule", [VP(), FlowMatching(), DDPM.linear()], ids=name)
def test_ddim_with_eta_1_is_ancestral(schedule):
    x, times = start(schedule), Uniform().times(schedule, 10, 0.0, 1.0)
    solvers = (DDIM(eta=1.0), Ancestral("small"))
    ends = [solve(solver, DATA.problem(schedule), x, times) for solver in solvers]
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-5)


@pytest.mark.parametrize("k", [2, 500, 1000])
def test_an_ancestral_step_is_that_of_the_ddpm_paper(k):
    """Equation 11 with beta tilde of equation 7 and beta, from betas in float64."""
    betas = np.linspace(1e-4, 0.02, 1000)
    alpha_bar = np.cumprod(1.0 - betas)
    beta, bar, before = betas[k - 1], alpha_bar[k - 1], alpha_bar[k - 2]
    x, z = np.random.default_rng(0).normal(size=(2, 50, 2))
    data = (x - np.sqrt(1 - bar) * z) / np.sqrt(bar)
    problem = Problem(DDPM.linear(), lambda x, t: (tensor(data), tensor(z)))
    mean = (x - beta / np.sqrt(1 - bar) * z) / np.sqrt(1 - beta)
    keys = kgen.random.keys(3, 50)
    drawn = array(kgen.random.normal(kgen.random.fold_in(keys, 0), (2,)))
    for_variance = {"small": (1 - before) / (1 - bar) * beta, "large": beta}
    t, s = tensor(k / 1000), tensor((k - 1) / 1000)
    reached = {
        kind: array(Ancestral(kind).step(problem, tensor(x), t, s, keys, ())[0])
        for kind in for_variance
    }
    expected = {kind: mean + np.sqrt(value) * drawn for kind, value in for_variance.items()}
    np.testing.assert_allclose(reached["small"], expected["small"], atol=1e-3)
    np.testing.assert_allclose(reached["large"], expected["large"], atol=1e-3)


def test_ancestral_asks_the_model_for_a_learned_variance():
    problem = DATA.problem(VP())
    known = Problem(
        VP(), problem.predict, lambda x, t, s: (*problem.predict(x, t), ops.square(VP().b(s)))
    )
    x, keys, t, s = start(VP(), 4000), kgen.random.keys(0, 4000), tensor(0.6), tensor(0.5)
    plain, _ = DDIM(eta=1.0).step(problem, x, t, s, keys, ())
    learned, _ = Ancestral("learned").step(known, x, t, s, keys, ())
    small, _ = Ancestral("small").step(known, x, t, s, keys, ())
    np.testing.assert_allclose(array(small), array(plain), atol=1e-5)
    noise = array(kgen.random.normal(kgen.random.fold_in(keys, 0), (2,)))
    b, snr = float(VP().b(s)), [float(VP().log_snr(u)) for u in (t, s)]
    deviation = b * (1.0 - np.sqrt(1.0 - np.exp(snr[0] - snr[1])))
    np.testing.assert_allclose(array(learned) - array(small), deviation * noise, atol=1e-4)


@pytest.mark.parametrize("solver", STOCHASTIC, ids=repr)
@pytest.mark.parametrize(
    ("schedule", "grid"), [(VP(), Uniform()), (EDM(sigma_max=20.0), Karras())], ids=name
)
def test_samplers_reach_mean_and_variance(solver, schedule, grid):
    """Of 2000 samples: 5 standard errors, and 6 % of a deviation for 100 steps of finite length."""
    n, variance = 2000, np.array(DATA.variance)
    samples = sample(solver, DATA.problem(schedule), n, grid.times(schedule, 100, 0.0, 1.0))
    deviation = np.sqrt(variance)
    off = np.abs(samples.mean(axis=0) - DATA.mean) / deviation
    wrong = np.abs(samples.std(axis=0) / deviation - 1.0)
    assert np.all(off < 5.0 / np.sqrt(n) + 0.06)
    assert np.all(wrong < 5.0 / np.sqrt(2 * n) + 0.06)
    correlation = np.corrcoef(samples.T)[0, 1]
    assert abs(correlation) < 5.0 / np.sqrt(n)


@pytest.mark.parametrize(
    "schedule", [VE(sigma_max=10.0), EDM(sigma_min=0.02, sigma_max=10.0)], ids=name
)
def test_annealed_langevin_reaches_mean_and_variance(schedule):
    times = Karras().times(schedule, 12, 0.0, 1.0)
    samples = sample(AnnealedLangevin(steps=60), DATA.problem(schedule), 1000, times)
    deviation = np.sqrt(np.array(DATA.variance))
    assert np.all(np.abs(samples.mean(axis=0) - DATA.mean) / deviation < 5.0 / np.sqrt(1000) + 0.05)
    assert np.all(np.abs(samples.std(axis=0) / deviation - 1.0) < 5.0 / np.sqrt(2000) + 0.05)


def test_the_adaptive_solver_reaches_its_tolerance():
    x = start(VP())
    solution = RungeKutta().integrate(lambda: DATA.problem(VP()), x, 1.0, 1e-3)
    np.testing.assert_allclose(array(solution.state), DATA.flow(VP(), array(x), 1.0, 1e-3), atol=2e-4)
    assert bool(solution.success)
    assert 30 < int(solution.evaluations) < 300


def test_the_adaptive_solver_goes_back_to_the_noise():
    x = noisy(FlowMatching(), np.random.default_rng(0).normal(size=(8, 2)), 1e-3)
    solver = RungeKutta()

    def problem():
        return DATA.problem(FlowMatching())

    latent = solver.integrate(problem, x, 1e-3, 1.0).state
    expected = DATA.flow(FlowMatching(), array(x), 1e-3, 1.0)
    np.testing.assert_allclose(array(latent), expected, atol=2e-4)
    back = solver.integrate(problem, latent, 1.0, 1e-3).state
    np.testing.assert_allclose(array(back), array(x), atol=2e-4)
