"""Transforms: there and back, and log-determinants against slogdet of the Jacobian.

In float64 on TensorFlow; Keras computes in float32 at most on JAX and torch.
"""

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen import backend
from kgen.flow import Checkerboard, Half, RationalQuadratic
from kgen.flow.layers import (
    ActNorm,
    Chain,
    Continuous,
    Coupling,
    Inverse,
    InverseAutoregressive,
    Linear,
    Logit,
    MaskedAutoregressive,
    Permutation,
    Planar,
    Radial,
    Split,
    Squeeze,
)
from kgen.flow.transforms import Additive, Affine

pytestmark = pytest.mark.every_backend

SPLINE = RationalQuadratic(bins=4, bound=3.0)
DTYPE, TOLERANCE = ("float64", 1e-10) if keras.backend.backend() == "tensorflow" else ("float32", 3e-5)


@pytest.fixture
def finest():
    """The finest floats that Keras has."""
    keras.config.set_floatx(DTYPE)
    keras.config.set_dtype_policy(DTYPE)
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def half(transform, flip=False, context=None):
    kept, moved = Half(flip).shapes((3,))
    outputs = moved[0] * transform.parameters
    network = kgen.networks.conditioner(kept[0], outputs, (5,), context, keras.activations.tanh)
    return Coupling(network, Half(flip), transform)


def checkerboard():
    return Coupling(kgen.networks.conv_conditioner((2, 2, 1), 2, width=3), Checkerboard(flip=True))


def masked(kind, transform, order=None, hidden=(6,), context=None):
    network = kgen.networks.made(3, transform.parameters, hidden, context, order)
    return kind(network, transform)


VECTORS = {
    "actnorm": lambda: ActNorm(3),
    "linear": lambda: Linear(3, seed=2),
    "permutation": lambda: Permutation((2, 0, 1)),
    "affine": lambda: half(Affine()),
    "additive": lambda: half(Additive(), flip=True),
    "spline": lambda: half(SPLINE, flip=True),
    "maf": lambda: masked(MaskedAutoregressive, Affine(), (1, 2, 0)),
    "spline maf": lambda: masked(MaskedAutoregressive, SPLINE),
    "narrow maf": lambda: masked(MaskedAutoregressive, Affine(), (2, 0, 1), (5, 1)),
    "iaf": lambda: masked(InverseAutoregressive, Affine(), (2, 1, 0)),
    "planar": lambda: Planar(3, seed=0),
    "radial": lambda: Radial(3, seed=0),
    "logit": lambda: Logit(-4.0, 4.0, 0.1),
    "chain": lambda: Chain([Linear(3, seed=1), half(Affine()), Inverse(half(SPLINE, flip=True))]),
}
IMAGES = {
    "checkerboard": checkerboard,
    "squeeze": lambda: Squeeze(Chain([Linear(4, seed=1), Split(ActNorm(2))])),
}
CASES = {name: (make, (3,)) for name, make in VECTORS.items()}
CASES |= {name: (make, (2, 4, 1)) for name, make in IMAGES.items()}


def randomized(transform):
    rng = np.random.default_rng(3)
    for variable in transform.trainable_variables:
        variable.assign(rng.normal(0.0, 0.4, variable.shape))
    return transform


def numpy(tensors):
    return [ops.convert_to_numpy(t) for t in tensors]


def both_ways(transform, x, context=None):
    z, ladj = transform.call_and_ladj(ops.convert_to_tensor(x), context)
    back, inverse_ladj = transform.inverse_and_ladj(z, context)
    return numpy([z, ladj, back, inverse_ladj])


@pytest.mark.parametrize("wish", [1e4, -1e4])
def test_an_affine_step_stretches_by_at_most_e_squared(wish):
    """Whatever its network says: layers multiply."""
    params = keras.ops.convert_to_tensor([[[0.0, wish]]], "float32")
    y, ladj = Affine().call_and_ladj(keras.ops.ones((1, 1)), params)
    assert float(ladj[0, 0]) == pytest.approx(np.sign(wish) * 2.0)
    assert float(y[0, 0]) == pytest.approx(np.exp(np.sign(wish) * 2.0))


@pytest.mark.parametrize("name", CASES)
def test_round_trip_and_log_determinant(finest, name):
    make, shape = CASES[name]
    transform = randomized(make())
    size = int(np.prod(shape))
    point = np.random.default_rng(0).normal(size=size)
    x = np.tile(point, (size, 1)).reshape(-1, *shape).astype(DTYPE)
    directions = ops.convert_to_tensor(np.eye(size).reshape(-1, *shape).astype(DTYPE))
    _, columns = backend.jvp(
        lambda x: transform.call_and_ladj(x)[0], ops.convert_to_tensor(x), directions
    )
    jacobian = ops.convert_to_numpy(columns).reshape(size, size).T
    _, ladj, back, inverse_ladj = both_ways(transform, x)
    assert ladj.dtype == DTYPE
    expected = np.linalg.slogdet(jacobian.astype("float64"))[1]
    np.testing.assert_allclose(ladj, expected, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(back, x, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(inverse_ladj, -ladj, rtol=0, atol=TOLERANCE)


def test_a_network_of_ones_own_is_inverted_by_whole_passes():
    """Not every masked network can take one dimension after the other."""
    x = keras.Input((3,))
    made = kgen.networks.made(3, 2, (6,))
    transform = randomized(MaskedAutoregressive(keras.Model(x, 0.5 * made(x))))
    point = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    np.testing.assert_allclose(both_ways(transform, point)[2], point, atol=1e-5)


@pytest.mark.parametrize("name", ["spline", "spline maf"])
def test_tails_of_splines_are_the_identity(name):
    transform = randomized(VECTORS[name]())
    x = np.array([[-1e4, 1e4, -3.1], [3.0, -3.0, 1e4]], "float32")
    z, ladj, back, _ = both_ways(transform, x)
    np.testing.assert_array_equal(z, x)
    np.testing.assert_array_equal(ladj, 0.0)
    np.testing.assert_array_equal(back, x)


def test_a_spline_with_extreme_parameters_stays_finite_and_monotone():
    params = np.random.default_rng(0).normal(0.0, 100.0, (64, SPLINE.parameters)).astype("float32")
    x = np.linspace(-3.5, 3.5, 201).astype("float32")
    x, params = np.broadcast_to(x, (64, 201)), np.broadcast_to(params[:, None], (64, 201, 11))
    y, ladj = numpy(SPLINE.call_and_ladj(ops.convert_to_tensor(x), ops.convert_to_tensor(params)))
    back, _ = numpy(SPLINE.inverse_and_ladj(ops.convert_to_tensor(y), ops.convert_to_tensor(params)))
    assert np.isfinite(ladj).all() and np.isfinite(back).all()
    assert (np.diff(y, axis=1) >= -1e-5).all()


@pytest.mark.parametrize("dim", [1, 2])
def test_a_linear_field_gives_a_matrix_exponential(dim):
    """dx/dt = A x: z = exp(A) x and the log-determinant is the trace of A."""
    network = kgen.networks.conditioner(dim, dim, hidden=(), context=1)
    rates = np.array([0.5, -0.8])[:dim]
    network.trainable_variables[0].assign(np.diag(rates).astype("float32"))
    transform, x = Continuous(network), np.full((2, dim), 1.5, "float32")
    keys = ops.convert_to_tensor(kgen.random.keys(0, 2))
    fixed = numpy(transform.call_and_ladj(ops.convert_to_tensor(x), None, keys))
    z, ladj, back, _ = both_ways(transform, x)
    np.testing.assert_allclose(z, x * np.exp(rates), rtol=1e-4)
    np.testing.assert_allclose(ladj, rates.sum(), atol=1e-5)
    np.testing.assert_allclose(fixed[0], z, rtol=1e-4)
    np.testing.assert_allclose(fixed[1], ladj, atol=1e-5)
    np.testing.assert_allclose(back, x, rtol=1e-4)


def test_a_field_that_cannot_be_followed_gives_nan_not_half_of_the_way():
    """exp(200) is no float32."""
    network = kgen.networks.conditioner(1, 1, hidden=(), context=1)
    network.trainable_variables[0].assign([[200.0]])
    z, ladj = numpy(Continuous(network).call_and_ladj(ops.ones((2, 1))))
    assert np.isnan(z).all() and np.isnan(ladj).all()


def test_hutchinsons_estimate_is_right_on_average():
    network = kgen.networks.conditioner(2, 2, hidden=(), context=1)
    network.trainable_variables[0].assign(np.array([[0.5, 1.0], [1.0, -0.8]], "float32"))
    transform, n = Continuous(network, steps=1, exact=False), 2000
    keys = ops.convert_to_tensor(kgen.random.keys(0, n))
    _, ladj = numpy(transform.call_and_ladj(ops.ones((n, 2)), None, keys))
    # e.A e = -0.3 + 2 e1 e2: of mean -0.3 and standard deviation 2
    assert ladj.std() == pytest.approx(2.0, rel=0.1)
    assert ladj.mean() == pytest.approx(-0.3, abs=4 * 2.0 / np.sqrt(n))


@pytest.mark.parametrize(
    "make",
    [
        lambda: half(Affine(), context=2),
        lambda: masked(MaskedAutoregressive, Affine(), (1, 0, 2), (7, 4), context=2),
        lambda: masked(InverseAutoregressive, Affine(), (1, 0, 2), (7, 4), context=2),
    ],
    ids=["coupling", "maf", "iaf"],
)
def test_a_context_changes_the_transform_and_keeps_the_round_trip(make):
    transform = randomized(make())
    x, context = np.ones((2, 3), "float32"), np.eye(2, dtype="float32")
    z, _, back, _ = both_ways(transform, x, ops.convert_to_tensor(context))
    assert np.abs(z[0] - z[1]).max() > 1e-3
    np.testing.assert_allclose(back, x, atol=1e-5)


def test_actnorm_starts_once_and_the_log_scale_is_bounded():
    layer = ActNorm(2)
    x = np.random.default_rng(0).normal((3.0, 0.0), (2.0, 0.0), (500, 2)).astype("float32")
    z = ops.convert_to_numpy(layer.initialize(ops.convert_to_tensor(x)))
    np.testing.assert_allclose(z[:, 0].mean(), 0.0, atol=1e-5)
    np.testing.assert_allclose(z[:, 0].std(), 1.0, atol=1e-5)
    assert layer.log_scale.numpy()[1] == pytest.approx(np.log(1e-3))
    before = layer.shift.numpy()
    layer.initialize(ops.convert_to_tensor(x + 1.0))
    np.testing.assert_array_equal(layer.shift.numpy(), before)


@pytest.mark.parametrize("flip", [False, True])
def test_a_checkerboard_keeps_the_squares_of_one_colour(flip):
    x = np.arange(16.0, dtype="float32").reshape(1, 4, 4, 1)
    mask = Checkerboard(flip)
    kept, moved = mask.split(ops.convert_to_tensor(x))
    colour = np.indices((4, 4)).sum(axis=0) % 2
    assert set(ops.convert_to_numpy(kept).ravel()) == set(x[0, ..., 0][colour == flip])
    np.testing.assert_array_equal(ops.convert_to_numpy(mask.join(kept, moved)), x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: Half().split(x[:, 0, 0]), "leaves nothing to transform"),
        (lambda x: Checkerboard().split(x), "even width, got shape"),
        (lambda x: Squeeze(ActNorm(4)).call(x), "images of 4x3 cannot be squeezed by 2: pad .* 4x4"),
        (lambda x: half(Affine()).call(x[:, :, 0, 0]), r"expected network outputs of shape \(4,\)"),
        (lambda x: half(Affine(), context=2).call(x[:, 0, :, 0]), "takes a context, and none was"),
        (lambda x: Permutation((0, 0)), "each of 2 indices once"),
        (lambda x: RationalQuadratic(bins=1), "expected 2 <= bins"),
        (lambda x: Logit(alpha=0.5), r"alpha in \[0, 0.5\)"),
        (lambda x: Chain([]), "at least one transform"),
        (lambda x: MaskedAutoregressive(
            kgen.networks.made(3, 2), SPLINE), r"made\(dim, 11\)"),
        (lambda x: Continuous(kgen.networks.conditioner(2, 3, context=1)), "output has the shape of x"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call(ops.zeros((1, 4, 3, 1)))


def test_a_singular_matrix_is_an_error_at_loading(tmp_path):
    model = kgen.flow.NeuralSplineFlow((2,), layers=1, hidden=(4,))
    layer = next(part for part in model.transform.walk() if isinstance(part, Linear))
    layer.log_diagonal.assign(np.array([np.nan, 0.0], "float32"))
    model.save_weights(tmp_path / "nan.weights.h5")
    with pytest.raises(ValueError, match="singular with these weights"):
        model.load_weights(tmp_path / "nan.weights.h5")
