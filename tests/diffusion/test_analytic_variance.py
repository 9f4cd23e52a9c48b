"""Analytic-DPM's variance on Gaussian data, whose reverse steps are known in closed form."""

import keras
import numpy as np
import pytest
from diffusion_oracles import array, tensor
from test_diffusion_model import MEAN, STD, data, oracle

from kgen.diffusion import VP, AnalyticVariance, Ancestral, Noise, Plan, Quadratic

STEPS = 8


@pytest.fixture(scope="module")
def model():
    return oracle(VP(), Noise())


@pytest.fixture(scope="module")
def variance(model):
    return model.analytic_variance(data(4000), steps=STEPS, batch_size=1000)


def coefficients(t):
    return array(VP().a(tensor(t))), array(VP().b(tensor(t)))


def test_the_errors_are_those_of_the_best_denoiser(variance):
    """Var(x | x_t) = s^2 b^2 / (a^2 s^2 + b^2); a mean of 8000 squares is within 4 of its errors."""
    a, b = coefficients(variance.times)
    expected = STD**2 * b**2 / ((a * STD) ** 2 + b**2)
    np.testing.assert_allclose(variance.errors, expected, rtol=4 * np.sqrt(2 / 8000))
    np.testing.assert_allclose(variance.times, np.arange(1, STEPS + 1) / STEPS, rtol=1e-6)


def test_the_errors_are_the_papers_estimate(variance):
    """E|x - x_hat|^2 = (b / a)^2 (1 - E|z_hat|^2), with z_hat of variance b^2 / (a^2 s^2 + b^2)."""
    a, b = coefficients(variance.times)
    estimate = (b / a) ** 2 * (1.0 - b**2 / ((a * STD) ** 2 + b**2))
    np.testing.assert_allclose(variance.errors, estimate, rtol=4 * np.sqrt(2 / 8000))


@pytest.mark.parametrize("k", range(2, STEPS + 1))
def test_the_variance_is_that_of_the_reverse_step(variance, k):
    """Of x_s given x_t, which are normal together."""
    (a, a_s), (b, b_s) = coefficients([k / STEPS, (k - 1) / STEPS])
    total, total_s = (a * STD) ** 2 + b**2, (a_s * STD) ** 2 + b_s**2
    expected = total_s - (a / a_s * total_s) ** 2 / total
    got = variance.of_step(VP(), tensor(k / STEPS), tensor((k - 1) / STEPS))
    assert float(got) == pytest.approx(expected, rel=0.05)


def test_between_two_times_the_error_is_linear_and_beyond_them_constant():
    table = AnalyticVariance((0.2, 0.4, 0.8), (1.0, 3.0, 2.0))
    got = [float(table.error(tensor(t))) for t in (0.1, 0.2, 0.3, 0.4, 0.7, 0.8, 1.0)]
    np.testing.assert_allclose(got, [1.0, 1.0, 2.0, 3.0, 2.25, 2.0, 2.0], rtol=1e-5)


def test_few_steps_keep_the_spread_of_the_data(model, variance):
    """The step to data adds no noise: the expected data have the deviation below."""
    a, b = coefficients(1 / STEPS)
    expected = a * STD**2 / np.sqrt((a * STD) ** 2 + b**2)
    samples = model.sample(4000, solver=Ancestral(variance), steps=STEPS, seed=0, batch_size=4000)
    assert samples.std() == pytest.approx(expected, abs=4 * expected / np.sqrt(16000))
    assert samples.mean() == pytest.approx(MEAN, abs=4 * expected / np.sqrt(8000))


def test_it_is_saved_with_the_plan(variance):
    plan = Plan(Ancestral(variance), STEPS, Quadratic())
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(plan))
    assert copy == plan
    assert hash(copy) == hash(plan)


@pytest.mark.parametrize(
    ("times", "errors", "message"),
    [
        ((), (), "as many errors"),
        ((0.1, 0.2), (1.0,), "as many errors >= 0 as times, got 1 and 2"),
        ((0.1,), (-1.0,), "errors >= 0"),
        ((0.2, 0.1), (1.0, 1.0), "times that rise"),
    ],
)
def test_impossible_tables_are_refused(times, errors, message):
    with pytest.raises(ValueError, match=message):
        AnalyticVariance(times, errors)
