"""Autoregressive networks: shapes, seeds, and layers against Keras' own."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen.layers import LSTM, CausalAttention, MaskedConv2D
from kgen.layers.causal_attention import rotary_angles, rotate
from kgen.networks import gated_pixelcnn, lstm, pixelcnn, transformer

BUILD = {
    "pixelcnn": lambda **o: pixelcnn((4, 4, 1), 3, width=4, depth=1, **o),
    "gated_pixelcnn": lambda **o: gated_pixelcnn((4, 4, 1), 3, width=4, depth=1, dropout=0.1, **o),
    "transformer": lambda **o: transformer((4,), 3, 5, width=8, depth=1, dropout=0.1, **o),
    "lstm": lambda **o: lstm(4, 3, width=4, **o),
}


@pytest.mark.parametrize("name", BUILD)
def test_seed_decides_the_weights(name):
    first, again, other = (BUILD[name](seed=seed, classes=2).get_weights() for seed in (3, 3, 4))
    np.testing.assert_equal(first, again)
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", BUILD)
def test_shapes(name):
    network = BUILD[name]()
    places = (4,) if name in ("transformer", "lstm") else (4, 4)
    assert network.output_shape == (None, *places, 3)
    assert network.outputs[0].dtype == "float32"


def test_masked_convolution_is_a_convolution_with_a_masked_kernel():
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")
    layer = MaskedConv2D(4, 3, "A", seed=0)
    y = ops.convert_to_numpy(layer(x))
    kernel = np.zeros((3, 3, 3, 4), "float32")
    kernel[0] = ops.convert_to_numpy(layer.kernel)[0]
    kernel[1, 0] = ops.convert_to_numpy(layer.kernel)[1, 0]
    expected = ops.conv(ops.convert_to_tensor(x), ops.convert_to_tensor(kernel), padding="same")
    np.testing.assert_allclose(y, ops.convert_to_numpy(expected), atol=1e-5)


def test_lstm_is_that_of_keras():
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    layer, keras_layer = LSTM(4), keras.layers.LSTM(4, return_sequences=True)
    expected = ops.convert_to_numpy(keras_layer(x))
    layer.build(x.shape)
    layer.set_weights(keras_layer.get_weights())
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, atol=1e-6)


def test_rotated_products_depend_on_the_distance_only():
    """Of the same two vectors at all pairs of places: constant along diagonals."""
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=(2, 1, 8)).astype("float32")
    angles = ops.convert_to_tensor(rotary_angles((6,), 8))
    turned = [rotate(ops.convert_to_tensor(np.repeat(x, 6, axis=0)), angles) for x in (q, k)]
    products = ops.convert_to_numpy(ops.matmul(turned[0], ops.transpose(turned[1])))
    np.testing.assert_allclose(products[1:, 1:], products[:-1, :-1], atol=1e-5)
    assert np.std(products[0]) > 0.1


def test_attention_is_that_of_the_definition():
    """Two heads, 40 positions, in NumPy: softmax over the present and the earlier keys."""
    n, heads, size = 40, 2, 4
    x = np.random.default_rng(0).normal(size=(1, n, 3 * heads * size))
    q, k, v = (x.reshape(n, 3, heads, size)[:, i] for i in range(3))
    turn = np.exp(1j * rotary_angles((n,), size).astype("float64"))[:, None]
    q, k = ((t[..., :2] + 1j * t[..., 2:]) * turn for t in (q, k))
    scores = np.einsum("ihd,jhd->hij", q, k.conj()).real / np.sqrt(size)
    weights = np.exp(scores) * np.tri(n)
    weights /= weights.sum(axis=-1, keepdims=True)
    expected = np.einsum("hij,jhd->ihd", weights, v).reshape(n, heads * size)
    found = CausalAttention((n,), heads)(x.astype("float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(found)[0], expected, atol=1e-4)
