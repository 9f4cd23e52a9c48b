"""The convolution: strides and margins; one channel, on batches of one and more."""

import keras
import numpy as np
import pytest

from kgen import backend
from kgen.layers import Conv2D

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("filters", [1, 3])
def test_equals_keras_with_gradients(batch, filters):
    x = RNG.normal(size=(batch, 8, 8, 4)).astype("float32")
    kernel = RNG.normal(size=(3, 3, 4, filters)).astype("float32")
    layer = Conv2D(filters, 3, padding="same")
    layer.build(x.shape)
    layer.set_weights([kernel, np.zeros(filters, "float32")])

    def loss(x):
        return keras.ops.sum(layer(x) ** 2)

    x = keras.ops.convert_to_tensor(x)
    got = backend.value_and_grad(lambda: (loss(x), None), layer.trainable_variables)[1]
    # by hand: d/dw of the sum of squares is 2 y * (the shifted input)
    padded = np.pad(np.array(x), ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [[padded[:, i : i + 8, j : j + 8] for j in range(3)] for i in range(3)]
    y = sum(shifted[i][j] @ kernel[i, j] for i in range(3) for j in range(3))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(x)), y, atol=1e-4)
    expected = [[np.einsum("nhwc,nhwf->cf", s, 2 * y) for s in row] for row in shifted]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(got[0]), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [1, 2, (1, 3)], ids=str)
@pytest.mark.parametrize("kernel", [3, (4, 5)], ids=str)
def test_every_padding_equals_keras(kernel, strides, padding):
    layers = [
        make(3, kernel, strides=strides, padding=padding, activation="relu")
        for make in (Conv2D, keras.layers.Conv2D)
    ]
    x = RNG.normal(size=(2, 7, 8, 4)).astype("float32")
    for layer in layers:
        layer.build(x.shape)
    layers[1].set_weights([RNG.normal(size=w.shape) for w in layers[1].weights])
    layers[0].set_weights(layers[1].get_weights())
    ours, theirs = (keras.ops.convert_to_numpy(layer(x)) for layer in layers)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
