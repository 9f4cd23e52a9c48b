"""The fused batch normalisation against Keras' own."""

import keras
import numpy as np
import pytest

from kgen import backend
from kgen.layers import BatchNormalization

RNG = np.random.default_rng(0)


def numbers(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def pair(shape, **options):
    """Keras' layer and ours with the same weights, and an input whose channels differ in scale."""
    x = (RNG.normal(size=shape) * np.arange(1, shape[-1] + 1) + 0.5).astype("float32")
    options = {"gamma_initializer": "ones", "momentum": 0.8, "epsilon": 1e-3, **options}
    layers = keras.layers.BatchNormalization(**options), BatchNormalization(**options)
    for layer in layers:
        layer.build(x.shape)
    weights = [1.0 + RNG.random(shape[-1]) for _ in layers[0].weights]
    for layer in layers:
        layer.set_weights(weights)
    return *layers, x


SHAPES = [(4, 3, 5, 2), (1, 2, 2, 3), (6, 4)]
OPTIONS = [{}, {"center": False}, {"scale": False}, {"dtype": "mixed_bfloat16"}, {"trainable": False}]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_output_and_statistics_equal_keras(shape, options, training):
    keras_layer, layer, x = pair(shape, **options)
    expected, got = (each(x, training=training) for each in (keras_layer, layer))
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(numbers(got), numbers(expected), atol=1e-5)
    for a, b in zip(layer.get_weights(), keras_layer.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def gradients(layer, x, cotangent):
    def loss(x):
        return keras.ops.sum(layer(x, training=True) * cotangent)

    by_weight = backend.value_and_grad(lambda: (loss(x), None), layer.trainable_variables)[1]
    return [numbers(g) for g in (*by_weight, backend.gradient(loss, x))]


def test_gradients_equal_keras():
    keras_layer, layer, x = pair((4, 3, 5, 2))
    cotangent = keras.ops.convert_to_tensor(RNG.normal(size=x.shape).astype("float32"))
    x = keras.ops.convert_to_tensor(x)
    got, expected = (gradients(each, x, cotangent) for each in (layer, keras_layer))
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5)


def test_second_derivative_equals_keras():
    """As a gradient penalty takes it."""
    keras_layer, layer, x = pair((4, 3, 5, 2))
    x = keras.ops.convert_to_tensor(x)

    def penalty_gradient(layer):
        def penalty(x):
            slope = backend.gradient(lambda y: keras.ops.sum(layer(y, training=True) ** 3), x)
            return keras.ops.sum(keras.ops.square(slope))

        return numbers(backend.gradient(penalty, x))

    expected = penalty_gradient(keras_layer)
    np.testing.assert_allclose(
        penalty_gradient(layer), expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max()
    )


def test_mask_equals_keras():
    keras_layer, layer, x = pair((4, 3, 5, 2))
    mask = RNG.random((4, 3, 5)) < 0.5
    expected, got = (each(x, training=True, mask=mask) for each in (keras_layer, layer))
    np.testing.assert_allclose(numbers(got), numbers(expected), atol=1e-5)


def test_saves_and_loads(tmp_path):
    inputs = keras.Input((5, 6, 3))
    model = keras.Model(inputs, BatchNormalization()(inputs))
    model.save(tmp_path / "model.keras")
    assert type(keras.saving.load_model(tmp_path / "model.keras").layers[1]) is BatchNormalization
