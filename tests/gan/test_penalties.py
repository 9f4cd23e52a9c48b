"""Penalties on discriminators whose slopes are known: a linear one, a quadratic one, a flat one."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen import backend
from kgen.gan import (
    R1,
    R2,
    Dragan,
    GradientPenalty,
    Hinge,
    LeastSquares,
    Minimax,
    OrthogonalRegularisation,
    RelativisticAverage,
    RelativisticPairing,
    Wasserstein,
    WeightClipping,
)

RNG = np.random.default_rng(0)
REAL, FAKE = (RNG.normal(size=(6, 2)).astype("float32") for _ in range(2))
KEYS = kgen.random.keys(0, 6)
W = np.array([3.0, 4.0], "float32")  # |W| = 5


def value_and_slope(penalty, critic, weights):
    """The penalty of `critic(weights)`, and its gradient with respect to these weights."""

    def loss(weights):
        examples = [ops.convert_to_tensor(x) for x in (REAL, FAKE, KEYS)]
        return penalty.discriminator(critic(weights), *examples)

    weights = ops.convert_to_tensor(weights)
    return float(ops.stop_gradient(loss(weights))), ops.convert_to_numpy(
        backend.gradient(loss, weights)
    )


def linear(w):
    """D(x) = w x, of slope |w| everywhere."""
    return lambda x: ops.matmul(x, w[:, None])


def quadratic(w):
    """D(x) = sum w_i x_i^2 / 2, of gradient w_i x_i."""
    return lambda x: 0.5 * ops.sum(w * ops.square(x), axis=-1, keepdims=True)


def curve(power, target):
    """weight 10 times (|w| - target)^power, and the derivative."""
    return 10 * (5 - target) ** power, 10 * power * (5 - target) ** (power - 1) * W / 5


LINEAR = {
    "two-sided": (GradientPenalty(), *curve(2, 1)),
    "one-sided above": (GradientPenalty(one_sided=True), *curve(2, 1)),
    "one-sided below": (GradientPenalty(target=6.0, one_sided=True), 0.0, 0 * W),
    "towards 6": (GradientPenalty(target=6.0), *curve(2, 6)),
    "DRAGAN": (Dragan(), *curve(2, 1)),
    "R1": (R1(), 5 * 25, 10 * W),
    "R2": (R2(), 5 * 25, 10 * W),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_discriminator(name):
    penalty, value, slope = LINEAR[name]
    found = value_and_slope(penalty, linear, W)
    assert found[0] == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(found[1], slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("penalty", "x"), [(R1(2.0), REAL), (R2(2.0), FAKE)], ids=["R1", "R2"])
def test_quadratic_discriminator(penalty, x):
    value, slope = value_and_slope(penalty, quadratic, W)
    assert value == pytest.approx(np.mean(((W * x) ** 2).sum(-1)), rel=1e-5)
    np.testing.assert_allclose(slope, np.mean(2 * W * x**2, axis=0), rtol=1e-4)


def test_gradient_penalty_is_between_real_and_fake():
    """Of (|w x| - 0)^2 it is the mean over points of the line, here from x to 3 x, keys apart."""
    shares = ops.convert_to_numpy(kgen.random.uniform(KEYS))[:, None]
    between = shares * REAL + (1 - shares) * FAKE
    expected = np.mean(((W * between) ** 2).sum(-1))
    value, _ = value_and_slope(GradientPenalty(1.0, target=0.0), quadratic, W)
    assert value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("penalty", [GradientPenalty(), Dragan(), R1()], ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("critic", [linear, quadratic], ids=["linear", "quadratic"])
def test_finite_at_zero_slope(penalty, critic):
    value, slope = value_and_slope(penalty, critic, np.zeros(2, "float32"))
    assert value == pytest.approx(10.0 if penalty != R1() else 0.0)
    assert np.isfinite(slope).all()


def dense(kernel):
    layer = keras.layers.Dense(2, bias_initializer="ones")
    layer.build((None, len(kernel)))
    layer.kernel.assign(np.array(kernel, "float32"))
    return layer


def test_orthogonal_regularisation_by_hand():
    """Columns (1, 2, 0) and (3, 0, 1): their product, 3, twice, squared."""
    penalty = OrthogonalRegularisation(0.5)
    assert float(penalty.generator(dense([[1, 3], [2, 0], [0, 1]]))) == pytest.approx(9.0)


def test_weight_clipping():
    layer = dense([[0.005, -3.0]])
    WeightClipping(0.01).constrain(layer)
    np.testing.assert_allclose(layer.kernel.numpy(), [[0.005, -0.01]], rtol=1e-6)
    np.testing.assert_allclose(layer.bias.numpy(), 0.01, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (GradientPenalty, {"weight": -1.0}, "weight >= 0"),
        (R1, {"every": 0}, "every >= 1"),
        (WeightClipping, {"limit": 0.0}, "limit > 0"),
    ],
)
def test_numbers_are_checked(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind(**options)


def gan(**options):
    return kgen.GAN(kgen.networks.mlp(2, 2, (4,)), kgen.networks.mlp(2, 1, (4,)), **options)


PAIRS = [
    *((loss, R1(2.0)) for loss in (Minimax(), LeastSquares(), Hinge(), Wasserstein())),
    *((loss, GradientPenalty()) for loss in (RelativisticAverage(), RelativisticPairing())),
    *((Hinge(), penalty) for penalty in (R2(), Dragan(), OrthogonalRegularisation())),
]


@pytest.mark.parametrize(("loss", "penalty"), PAIRS, ids=lambda part: type(part).__name__)
def test_any_penalty_is_added_to_any_loss(loss, penalty):
    """The same noise with and without the penalty, the same loss but for the penalty."""
    model = gan(loss=loss, penalties=[penalty])
    model.random.reseed(0)
    with_it, report = model.discriminator_terms(ops.convert_to_tensor(REAL))
    model.penalties = ()
    model.random.reseed(0)
    without = model.discriminator_loss(ops.convert_to_tensor(REAL))
    assert float(report["penalty"]) > 0
    assert float(with_it) == pytest.approx(float(without) + float(report["penalty"]), rel=1e-5)


def test_a_penalty_that_the_loss_forbids():
    with pytest.raises(ValueError, match=r"NonSaturating cannot tell .* use it with Wasserstein\(\)"):
        gan(penalties=[WeightClipping()])


def test_two_constraints_of_one_slope():
    with pytest.raises(ValueError, match="choose one"):
        gan(loss=Wasserstein(), penalties=[WeightClipping(), GradientPenalty()])


def test_batch_norm_under_a_penalty_of_the_slope_is_warned_of():
    discriminator = kgen.networks.dcgan_discriminator((8, 8, 1), width=2)
    generator = kgen.networks.dcgan_generator(4, (8, 8, 1), width=2)
    with pytest.warns(UserWarning, match=r"R1 .* one example, but .*batch_norm.* mixes"):
        kgen.GAN(generator, discriminator, penalties=[R1()])
