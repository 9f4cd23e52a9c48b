"""What every solver promises: it compiles, is saved, and refuses what it cannot serve."""

import numpy as np
import pytest
from diffusion_oracles import Gaussian, array, tensor
from test_schedules import name
from test_solvers_gaussian import DETERMINISTIC, STOCHASTIC, start

import kgen.random
from kgen import backend
from kgen.diffusion.schedules import DDPM, VP, Cosine, FlowMatching
from kgen.diffusion.solvers import (
    DDIM,
    Ancestral,
    AnnealedLangevin,
    EDMSampler,
    EulerMaruyama,
    PredictorCorrector,
    RungeKutta,
)

DATA = Gaussian()
SOLVERS = [*DETERMINISTIC, *STOCHASTIC, AnnealedLangevin(steps=2), RungeKutta()]


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_a_step_is_the_same_inside_a_compiled_program(solver):
    """With times that are tensors, and a memory from the step before."""
    problem, keys, x = DATA.problem(VP()), kgen.random.keys(0, 4), start(VP(), 4)

    def two_steps(x, times):
        x, memory = solver.step(problem, x, times[0], times[1], keys, solver.start(x))
        return solver.step(problem, x, times[1], times[2], keys, memory)[0]

    times = tensor([0.8, 0.6, 0.5])
    compiled = backend.compile_program(two_steps, [], jit=True)
    np.testing.assert_allclose(array(compiled(x, times)), array(two_steps(x, times)), atol=2e-5)


@pytest.mark.parametrize("solver", [EulerMaruyama(), AnnealedLangevin()], ids=name)
@pytest.mark.parametrize("schedule", [FlowMatching(), Cosine(), DDPM.cosine()], ids=name)
def test_solvers_that_divide_by_a_refuse_to_begin_without_data(solver, schedule):
    with pytest.raises(ValueError, match=f"{name(solver)} divides by a.*use "):
        solver.check(schedule)


def test_a_predictor_may_refuse_a_schedule():
    with pytest.raises(ValueError, match="EulerMaruyama divides by a"):
        PredictorCorrector(predictor=EulerMaruyama()).check(FlowMatching())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ancestral("big"), "'small', 'large' or 'learned', got 'big'"),
        (lambda: DDIM(eta=2.0), r"eta in \[0, 1\], got 2.0"),
        (lambda: EDMSampler(churn=40.0), "the paper's S_churn / steps"),
        (lambda: PredictorCorrector(snr=0.0), "snr > 0"),
        (lambda: PredictorCorrector(corrector_steps=0), "corrector_steps >= 1"),
        (lambda: AnnealedLangevin(steps=0), "steps >= 1"),
        (lambda: AnnealedLangevin(epsilon=5.0), r"epsilon in \(0, 2\]"),
        (
            lambda: Ancestral("learned").step(
                DATA.problem(VP()), start(VP()), tensor(0.5), tensor(0.4), kgen.random.keys(0, 16), ()
            ),
            "use Ancestral\\('small'\\)",
        ),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_a_solver_comes_back_from_its_config(solver):
    assert type(solver).from_config(solver.get_config()) == solver
    assert hash(type(solver).from_config(solver.get_config())) == hash(solver)
