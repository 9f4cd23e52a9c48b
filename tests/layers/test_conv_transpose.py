"""The fast transposed convolution against Keras' own, and against its definition."""

import itertools

import keras
import numpy as np
import pytest

from kgen import backend
from kgen.backend import prefers_matmul
from kgen.layers import Conv2DTranspose
from kgen.layers.conv_transpose import conv_transpose_by_matmul


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


RNG = np.random.default_rng(0)
KERNELS = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (5, 2)]
STRIDES = [(1, 1), (2, 2), (3, 2)]
GEOMETRIES = list(itertools.product(KERNELS, STRIDES, ["same", "valid"]))
SOME_GEOMETRIES = list(itertools.product([(3, 3), (4, 4), (5, 2)], [(2, 2)], ["same", "valid"]))


def images(height=5, width=6, channels=3):
    return RNG.normal(size=(2, height, width, channels)).astype("float32")


def by_definition(x, kernel, strides):
    """Every input pixel writes its own copy of the kernel."""
    (n, h, w, _), (kh, kw, filters, _) = x.shape, kernel.shape
    out = np.zeros((n, (h - 1) * strides[0] + kh, (w - 1) * strides[1] + kw, filters))
    for i, j in itertools.product(range(h), range(w)):
        top, left = i * strides[0], j * strides[1]
        out[:, top : top + kh, left : left + kw] += np.einsum("nc,abfc->nabf", x[:, i, j], kernel)
    return out


def pair(kernel_size, strides, padding, filters=4, **options):
    """Keras' layer and ours with the same weights, and an input."""
    x = images()
    arguments = {"strides": strides, "padding": padding, "bias_initializer": "normal", **options}
    keras_layer = keras.layers.Conv2DTranspose(filters, kernel_size, **arguments)
    layer = Conv2DTranspose(filters, kernel_size, **arguments)
    keras_layer(x), layer(x)
    layer.set_weights(keras_layer.get_weights())
    return keras_layer, layer, x


@pytest.mark.parametrize(("kernel_size", "strides", "padding"), GEOMETRIES)
def test_layer_equals_keras(kernel_size, strides, padding):
    keras_layer, layer, x = pair(kernel_size, strides, padding)
    expected = numbers(keras_layer(x))
    np.testing.assert_allclose(numbers(layer(x)), expected, atol=1e-5)
    assert tuple(layer.compute_output_shape(x.shape)) == expected.shape


def gradients(layer, x, cotangent):
    cotangent = keras.ops.convert_to_tensor(cotangent)

    def loss():
        return keras.ops.sum(layer(x) * cotangent), None

    by_weight = backend.value_and_grad(loss, layer.trainable_variables)[1]
    by_input = backend.gradient(
        lambda x: keras.ops.sum(layer(x) * cotangent), keras.ops.convert_to_tensor(x)
    )
    return [numbers(g) for g in (*by_weight, by_input)]


@pytest.mark.parametrize(("kernel_size", "strides", "padding"), SOME_GEOMETRIES)
def test_gradients_equal_keras(kernel_size, strides, padding):
    keras_layer, layer, x = pair(kernel_size, strides, padding)
    cotangent = RNG.normal(size=keras_layer(x).shape).astype("float32")
    got, expected = (gradients(each, x, cotangent) for each in (layer, keras_layer))
    np.testing.assert_allclose(got[0], expected[0], atol=1e-5, rtol=1e-5)  # kernel
    np.testing.assert_allclose(got[1], expected[1], atol=1e-5, rtol=1e-5)  # bias
    np.testing.assert_allclose(got[2], expected[2], atol=1e-5, rtol=1e-5)  # input


@pytest.mark.parametrize(("kernel_size", "strides"), list(itertools.product(KERNELS, STRIDES)))
def test_product_equals_definition(kernel_size, strides):
    x, kernel = images(), RNG.normal(size=(*kernel_size, 4, 3)).astype("float32")
    expected = by_definition(x, kernel, strides)
    got = numbers(conv_transpose_by_matmul(x, kernel, strides, "valid"))
    height, width = expected.shape[1:3]
    np.testing.assert_allclose(got[:, :height, :width], expected, atol=1e-5)
    assert not got[:, height:].any() and not got[:, :, width:].any()


@pytest.mark.parametrize(("kernel_size", "strides", "padding"), GEOMETRIES)
def test_product_equals_keras(kernel_size, strides, padding):
    x, kernel = images(), RNG.normal(size=(*kernel_size, 4, 3)).astype("float32")
    expected = keras.ops.conv_transpose(x, kernel, strides=strides, padding=padding)
    got = conv_transpose_by_matmul(x, kernel, strides, padding)
    np.testing.assert_allclose(numbers(got), numbers(expected), atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"output_padding": 0},
        {"output_padding": 1},
        {"activation": "tanh"},
        {"use_bias": False},
        {"dtype": "mixed_bfloat16"},
    ],
    ids=str,
)
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_options_equal_keras(options, padding):
    keras_layer, layer, x = pair(3, 2, padding, **options)
    expected, got = keras_layer(x), layer(x)
    assert got.dtype == expected.dtype
    as_float = [numbers(keras.ops.cast(y, "float32")) for y in (got, expected)]
    tolerance = 1e-5 if layer.compute_dtype == "float32" else 0.05
    np.testing.assert_allclose(*as_float, atol=tolerance)


def test_dilation_equals_keras():
    keras_layer, layer, x = pair(3, 1, "same", dilation_rate=2)
    np.testing.assert_allclose(numbers(layer(x)), numbers(keras_layer(x)), atol=1e-5)


def test_second_derivative():
    _, layer, x = pair(4, 2, "same")

    def penalty(x):
        slope = backend.gradient(lambda y: keras.ops.sum(keras.ops.tanh(layer(y))), x)
        return keras.ops.sum(keras.ops.square(slope))

    x = keras.ops.convert_to_tensor(x)
    direction = keras.ops.convert_to_tensor(images())
    slope = float(keras.ops.sum(backend.gradient(penalty, x) * direction))
    step = 1e-2
    change = penalty(x + step * direction) - penalty(x - step * direction)
    expected = float(keras.ops.stop_gradient(change)) / (2 * step)
    assert slope == pytest.approx(expected, rel=1e-2)


def test_forward_mode():
    _, layer, x = pair(4, 2, "same")
    x, tangent = keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(images())
    got = backend.jvp(layer, x, tangent)[1]
    expected = layer(tangent) - layer(keras.ops.zeros_like(tangent))
    np.testing.assert_allclose(numbers(got), numbers(expected), atol=1e-5)


@pytest.mark.parametrize(
    ("filters", "backends"), [(1, {"jax", "tensorflow"}), (3, {"jax"}), (64, {"jax"})]
)
def test_where_a_cpu_needs_the_product(filters, backends):
    assert prefers_matmul(filters) == (keras.backend.backend() in backends)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_gray_images_equal_keras(padding):
    expected, layer, x = pair(4, 2, padding, filters=1)
    cotangent = RNG.normal(size=expected(x).shape).astype("float32")
    np.testing.assert_allclose(numbers(layer(x)), numbers(expected(x)), atol=1e-5)
    pairs = zip(gradients(layer, x, cotangent), gradients(expected, x, cotangent), strict=True)
    for got, want in pairs:
        np.testing.assert_allclose(got, want, atol=1e-5, rtol=1e-5)


def test_saves_and_loads(tmp_path):
    inputs = keras.Input((5, 6, 3))
    model = keras.Model(inputs, Conv2DTranspose(4, 3, strides=2, padding="same")(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x = images()
    assert type(again.layers[1]) is Conv2DTranspose
    np.testing.assert_array_equal(numbers(again(x)), numbers(model(x)))
