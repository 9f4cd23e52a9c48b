"""Upsampling and convolving in one, against the two after each other."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.layers import UpsampleConv2D

RNG = np.random.default_rng(0)


def numbers(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def two_ways(shape=(2, 3, 5, 4), filters=3, **options):
    """The layer, and upsampling and convolving one after the other, with the same weights."""
    layer = UpsampleConv2D(filters, **options)
    plain = keras.layers.Conv2D(filters, 3, padding="same", **options)
    upsample = keras.layers.UpSampling2D(2)
    layer.build(shape)
    plain.build(shape)
    weights = [RNG.normal(size=w.shape).astype("float32") for w in layer.weights]
    layer.set_weights(weights)
    plain.set_weights(weights)
    x = ops.convert_to_tensor(RNG.normal(size=shape).astype("float32"))
    return layer, plain, lambda x: plain(upsample(x)), x


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 5, 4), (1, 8, 8, 2)], ids=str)
@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"activation": "relu"}], ids=str)
def test_equals_upsampling_then_convolving(shape, options):
    layer, _, expected, x = two_ways(shape, **options)
    np.testing.assert_allclose(numbers(layer(x)), numbers(expected(x)), atol=1e-5)


def test_half_precision():
    layer, _, expected, x = two_ways(dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(layer(x).dtype) == "bfloat16"
    np.testing.assert_allclose(numbers(layer(x)), numbers(expected(x)), rtol=0.05, atol=0.1)


def test_gradients():
    layer, plain, expected, x = two_ways()
    cotangent = ops.convert_to_tensor(RNG.normal(size=(2, 6, 10, 3)).astype("float32"))

    def gradients(fn, variables):
        def loss(x):
            return ops.sum(ops.square(fn(x)) * cotangent)

        by_weight = backend.value_and_grad(lambda: (loss(x), None), variables)[1]
        return [numbers(g) for g in (*by_weight, backend.gradient(loss, x))]

    got = gradients(layer, layer.trainable_variables)
    for a, b in zip(got, gradients(expected, plain.trainable_variables), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3)


def test_second_derivative():
    layer, _, expected, x = two_ways((1, 2, 2, 2))

    def twice(fn):
        def slope(x):
            return ops.sum(ops.square(backend.gradient(lambda x: ops.sum(fn(x) ** 3), x)))

        return numbers(backend.gradient(slope, x))

    np.testing.assert_allclose(twice(layer), twice(expected), rtol=1e-3)


def test_forward_derivative():
    layer, _, expected, x = two_ways()
    tangent = ops.convert_to_tensor(RNG.normal(size=x.shape).astype("float32"))
    (_, got), (_, wanted) = (backend.jvp(fn, x, tangent) for fn in (layer, expected))
    np.testing.assert_allclose(numbers(got), numbers(wanted), atol=1e-4)


def test_config_and_shapes():
    layer = UpsampleConv2D(3, use_bias=False, name="up")
    again = UpsampleConv2D.from_config(layer.get_config())
    assert (again.filters, again.use_bias, again.name) == (3, False, "up")
    assert layer.compute_output_shape((None, None, 4, 2)) == (None, None, 8, 3)
    assert layer(keras.Input((5, 4, 2))).shape == (None, 10, 8, 3)
