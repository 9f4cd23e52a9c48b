"""The adaptive integrator on equations whose solutions are known."""

import numpy as np
import pytest
from diffusion_oracles import array, tensor
from keras import ops

from kgen import backend
from kgen.numerics import ode

# Steps are accepted or not by their last digits: their number differs between backends.
pytestmark = pytest.mark.every_backend


def rotation(t, x):
    """x'' = -x as two equations."""
    return ops.stack([x[:, 1], -x[:, 0]], axis=-1)


@pytest.mark.parametrize(
    ("field", "t0", "t1", "expected"),
    [
        (lambda t, x: -x, 0.0, 2.0, np.exp(-2.0)),
        (lambda t, x: x, 1.0, -1.0, np.exp(-2.0)),
        (lambda t, x: 3.0 * t**2 * ops.ones_like(x), -1.0, 2.0, 10.0),
        (lambda t, x: -(x**2), 0.0, 9.0, 0.1),
        (lambda t, x: t * x, 0.0, 0.0, 1.0),
        (lambda t, x: 0.0 * x, 0.0, 5.0, 1.0),
    ],
    ids=["decay", "backwards", "of time alone", "nonlinear", "no way to go", "at rest"],
)
def test_a_known_solution_from_1(field, t0, t1, expected):
    solution = ode.integrate(field, ops.ones((1, 1)), t0, t1)
    assert float(solution.state[0, 0]) == pytest.approx(expected, rel=1e-4)
    assert bool(solution.success)


def test_there_and_back():
    x = tensor([[1.0, 0.0], [0.5, -2.0]])
    there = ode.integrate(rotation, x, 0.0, 5.0).state
    angle = np.array([[np.cos(5.0), -np.sin(5.0)], [np.sin(5.0), np.cos(5.0)]])
    np.testing.assert_allclose(array(there), array(x) @ angle, atol=1e-4)
    np.testing.assert_allclose(
        array(ode.integrate(rotation, there, 5.0, 0.0).state), array(x), atol=2e-4
    )


@pytest.mark.parametrize("tolerance", [1e-3, 1e-4, 1e-5])
def test_the_error_follows_the_tolerance(tolerance):
    x = tensor([[1.0, 0.0]])
    state = ode.integrate(rotation, x, 0.0, 3.0, tolerance, tolerance).state
    assert np.abs(array(state) - [[np.cos(3.0), -np.sin(3.0)]]).max() < 10 * tolerance


def test_the_order_is_five():
    """The work grows as tol^(-1/5): a tolerance 1e-4 as large costs about 6.3 times as much."""
    calls = [
        int(ode.integrate(rotation, tensor([[1.0, 0.0]]), 0.0, 30.0, tol, tol).evaluations)
        for tol in (1e-2, 1e-6)
    ]
    assert 4.0 < calls[1] / calls[0] < 9.0


def test_evaluations_are_counted():
    """A constant field: the first step, of a hundredth, and then ten times as far each."""
    solution = ode.integrate(lambda t, x: ops.ones_like(x), ops.ones((1, 1)), 0.0, 1.0)
    assert int(solution.evaluations) == 1 + 6 * 3  # 0.01, 0.11, 1


def test_a_state_of_several_tensors():
    """As a continuous flow needs: the sample, and its log density beside it."""

    def field(t, state):
        return {"x": -state["x"], "log_density": ops.full((2,), 3.0)}

    state = {"x": tensor(np.ones((2, 3))), "log_density": tensor(np.zeros(2))}
    solution = ode.integrate(field, state, 0.0, 1.0)
    np.testing.assert_allclose(array(solution.state["x"]), np.full((2, 3), np.exp(-1.0)), rtol=1e-5)
    np.testing.assert_allclose(array(solution.state["log_density"]), [3.0, 3.0], rtol=1e-5)


def test_the_worst_example_decides():
    """A fast example among a thousand that rest is as exact as alone."""
    speed = np.zeros((1000, 1))
    speed[7] = 20.0
    state = ode.integrate(lambda t, x: x * -tensor(speed), ops.ones((1000, 1)), 0.0, 0.2).state
    assert float(state[7, 0]) == pytest.approx(np.exp(-4.0), rel=1e-3)


def test_giving_up_leaves_a_finite_state():
    solution = ode.integrate(rotation, tensor([[1.0, 0.0]]), 0.0, 1000.0, max_steps=20)
    assert not bool(solution.success)
    assert np.linalg.norm(array(solution.state)) == pytest.approx(1.0, abs=1e-3)
    assert int(solution.evaluations) == 1 + 6 * 20


def test_a_field_that_is_not_finite_is_a_failure_not_a_nan():
    """dx/dt = x^2 from 1 is infinite at t = 1."""
    solution = ode.integrate(lambda t, x: x**2, ops.ones((1, 1)), 0.0, 2.0, max_steps=100)
    assert not bool(solution.success)
    assert np.all(np.isfinite(array(solution.state)))


def test_a_state_that_is_not_finite_is_given_up_at_once():
    """Of 1000 steps that it might try."""
    solution = ode.integrate(rotation, tensor([[1.0, 0.0], [np.nan, 0.0]]), 0.0, 1.0)
    assert not bool(solution.success)
    assert int(solution.evaluations) <= 1 + 6 * 20


@pytest.mark.parametrize("jit", [False, True], ids=["graph", "jit"])
def test_a_compiled_program_is_right_for_other_ends_and_constants(jit):
    def decay(x, t1, rate):
        return ode.integrate(lambda t, x, r: -r * x, x, 0.0, t1, constants=(rate,)).state

    program, x = backend.compile_program(decay, [], jit), tensor([[1.0], [2.0]])
    decayed = [array(program(x, tensor(t1), tensor(rate)))[:, 0] for t1, rate in ((1, 1), (2, 3))]
    np.testing.assert_allclose(decayed, np.outer(np.exp([-1.0, -6.0]), [1.0, 2.0]), atol=1e-5)


@pytest.mark.parametrize(
    "bad", [{"rtol": 0.0}, {"atol": -1.0}, {"max_steps": 0}], ids=["rtol", "atol", "max_steps"]
)
def test_impossible_tolerances_are_refused(bad):
    with pytest.raises(ValueError, match="expected rtol, atol > 0 and max_steps >= 1"):
        ode.integrate(rotation, ops.ones((1, 2)), 0.0, 1.0, **bad)
