"""Adversarial losses against hand-computed numbers and the theory of the optimal discriminator."""

import math

import keras
import numpy as np
import pytest

from kgen import backend
from kgen.gan import (
    AdversarialLoss,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    RelativisticPairing,
    Wasserstein,
)

LOSSES = {
    "minimax": Minimax(),
    "non-saturating": NonSaturating(),
    "smoothed": NonSaturating(label_smoothing=0.1),
    "least squares": LeastSquares(),
    "chi squared": LeastSquares(fake=-1.0, real=1.0, target=0.0),
    "hinge": Hinge(),
    "Wasserstein": Wasserstein(),
    "relativistic average": RelativisticAverage(),
    "relativistic average least squares": RelativisticAverage(LeastSquares(fake=-1.0)),
    "relativistic pairing": RelativisticPairing(),
}


def column(*values):
    return np.array(values, "float32")[:, None]


REAL, FAKE = column(0.0, 2.0), column(-1.0, 3.0)


def softplus(x):
    return math.log1p(math.exp(x))


# -log D(real) - log(1 - D(fake)), averaged, by hand
PLAIN = (softplus(0) + softplus(-2)) / 2 + (softplus(-1) + softplus(3)) / 2
SMOOTHED = PLAIN + 0.1 * (0.0 + 2.0) / 2  # -log(1 - D) + log D is the logit


# the mean of the real logits 0 and 2 is 1, that of the fakes -1 and 3 is 1, too
AVERAGE = (softplus(1) + softplus(-1)) / 2 + (softplus(-2) + softplus(2)) / 2

DISCRIMINATOR = {
    "minimax": PLAIN,
    "non-saturating": PLAIN,
    "smoothed": SMOOTHED,
    "least squares": (1 + 1) / 4 + (1 + 9) / 4,
    "chi squared": (1 + 1) / 4 + (0 + 16) / 4,
    "hinge": (1 + 0) / 2 + (0 + 4) / 2,
    "Wasserstein": 1 - 1,
    "relativistic average": AVERAGE,
    # the logits less 1, that is -1, 1 and -2, 2, against 1 and -1
    "relativistic average least squares": (4 + 0) / 4 + (1 + 9) / 4,
    "relativistic pairing": (softplus(-1 - 0) + softplus(3 - 2)) / 2,
}
GENERATOR = {
    "minimax": -(softplus(-1) + softplus(3)) / 2,
    "non-saturating": (softplus(1) + softplus(-3)) / 2,
    "smoothed": (softplus(1) + softplus(-3)) / 2,
    "least squares": (4 + 4) / 4,
    "chi squared": (1 + 9) / 4,
    "hinge": -1,
    "Wasserstein": -1,
    "relativistic average": AVERAGE,
    "relativistic average least squares": (9 + 1) / 4 + (0 + 4) / 4,
    "relativistic pairing": (softplus(0 + 1) + softplus(2 - 3)) / 2,
}


@pytest.mark.parametrize("name", LOSSES)
def test_discriminator_by_hand(name):
    loss = LOSSES[name].discriminator(REAL, FAKE)
    assert float(loss) == pytest.approx(DISCRIMINATOR[name], rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_generator_by_hand(name):
    assert float(LOSSES[name].generator(FAKE, REAL)) == pytest.approx(GENERATOR[name], rel=1e-5)


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.needs_real])
def test_relativistic_losses_need_the_real_logits(name):
    with pytest.raises(ValueError, match="the logits of both"):
        LOSSES[name].generator(FAKE)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_losses_are_float32_scalars(name, dtype):
    logits = keras.ops.zeros((4, 1), dtype)
    values = LOSSES[name].discriminator(logits, logits), LOSSES[name].generator(logits, logits)
    assert [keras.backend.standardize_dtype(v.dtype) for v in values] == ["float32"] * 2
    assert [tuple(v.shape) for v in values] == [(), ()]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_losses_are_finite_at_extremes(name, logit):
    logits = column(logit)
    assert math.isfinite(float(LOSSES[name].discriminator(logits, -logits)))
    assert math.isfinite(float(LOSSES[name].generator(logits, -logits)))


# A world of three points: the real distribution p and the generator's q, as samples in quarters.
P, Q = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.25, 0.5])
REAL_POINTS, FAKE_POINTS = np.array([0, 0, 1, 2]), np.array([0, 1, 2, 2])


def best_logits(loss):
    """Minimises the discriminator's loss over one logit a point, by gradient descent."""

    def objective(logits):
        real = keras.ops.take(logits, REAL_POINTS)
        return loss.discriminator(real, keras.ops.take(logits, FAKE_POINTS))

    logits = keras.ops.zeros(3)
    for _ in range(60):
        logits = logits - 4.0 * backend.gradient(objective, logits)
    return keras.ops.convert_to_numpy(logits), float(keras.ops.stop_gradient(objective(logits)))


@pytest.mark.parametrize(("name", "smoothing"), [("minimax", 0), ("smoothed", 0.1)])
def test_optimal_discriminator(name, smoothing):
    logits, _ = best_logits(LOSSES[name])
    optimum = (1 - smoothing) * P / (P + Q)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), optimum, atol=1e-4)


def test_value_at_the_optimum_is_the_jensen_shannon_divergence():
    _, value = best_logits(LOSSES["minimax"])
    m = (P + Q) / 2
    js = ((P * np.log(P / m)).sum() + (Q * np.log(Q / m)).sum()) / 2
    assert -value == pytest.approx(-math.log(4) + 2 * js, abs=1e-5)


def generator_slope(loss, logit):
    slope = backend.gradient(loss.generator, keras.ops.convert_to_tensor(column(logit)))
    return float(slope[0, 0])


@pytest.mark.parametrize("logit", [-10.0, -1.0, 0.0, 1.0, 10.0])
def test_generator_gradient_of_minimax_vanishes_where_fakes_are_found(logit):
    sigmoid = 1 / (1 + math.exp(-logit))
    assert generator_slope(LOSSES["minimax"], logit) == pytest.approx(-sigmoid, rel=1e-4)


@pytest.mark.parametrize("logit", [-10.0, -1.0, 0.0, 1.0, 10.0])
def test_generator_gradient_of_non_saturating_does_not(logit):
    sigmoid = 1 / (1 + math.exp(-logit))
    slope = generator_slope(LOSSES["non-saturating"], logit)
    assert slope == pytest.approx(sigmoid - 1, rel=1e-3, abs=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_round_trip(name):
    config = keras.saving.serialize_keras_object(LOSSES[name])
    assert keras.saving.deserialize_keras_object(config) == LOSSES[name]


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_label_smoothing_is_checked(smoothing):
    with pytest.raises(ValueError, match="label_smoothing"):
        NonSaturating(label_smoothing=smoothing)


def test_the_base_says_that_it_is_one():
    with pytest.raises(NotImplementedError):
        AdversarialLoss().generator(FAKE)
