"""Operations and parameters against counts by hand."""

import keras
import pytest
from keras import layers

from kgen.layers import Attention
from kgen.networks import dit, flops, mlp, parameters, residual_mlp, unet


def model(layer, *shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    return keras.Model(inputs, layer(*inputs))


@pytest.mark.parametrize(
    ("network", "multiply_adds"),
    [
        (lambda: mlp(3, 2, hidden=(5,)), 3 * 5 + 5 * 2),
        (lambda: model(layers.Dense(4), (7, 3)), 7 * 3 * 4),
        (lambda: model(layers.Conv1D(4, 3, padding="same"), (8, 2)), 8 * 3 * 2 * 4),
        (lambda: model(layers.Conv2D(4, 3), (8, 6, 2)), 6 * 4 * 9 * 2 * 4),
        (lambda: model(layers.Conv2D(4, 3, strides=2, padding="same"), (8, 6, 2)), 4 * 3 * 9 * 2 * 4),
        (lambda: model(layers.Conv2D(4, 3, groups=2), (8, 6, 2)), 6 * 4 * 9 * 1 * 4),
        (lambda: model(layers.Conv3D(4, 1), (2, 3, 5, 2)), 30 * 2 * 4),
        (lambda: model(layers.Conv2DTranspose(4, 4, strides=2), (8, 6, 2)), 8 * 6 * 16 * 2 * 4),
        (lambda: model(layers.EinsumDense("abc,cde->abde", (7, 2, 5)), (7, 3)), 7 * 3 * 2 * 5),
        (lambda: model(layers.EinsumDense("...c,cd->...d", 5), (7, 3)), 7 * 3 * 5),
        (lambda: model(Attention(2), (7, 6), (5, 6), (5, 6)), 2 * 7 * 5 * 6),
        (lambda: model(mlp(3, 2, hidden=()), (3,)), 3 * 2),
        (lambda: model(layers.Embedding(9, 4), (5,)), 0),
        (lambda: model(layers.LayerNormalization(), (5, 4)), 0),
    ],
)
def test_by_hand(network, multiply_adds):
    assert flops(network(), batch=10) == 10 * 2 * multiply_adds


def test_residual_mlp_by_hand():
    network = residual_mlp(dim=2, width=8, depth=3, classes=5)
    # Time: 2 features; two maps. Each block: of h, of the embedding, of the sum.
    assert flops(network) == 2 * (2 * 8 + 8 * 8 + 2 * 8 + 3 * (3 * 64) + 8 * 2)
    biases = 8 + 8 + 8 + 3 * 3 * 8 + 2
    assert parameters(network) == flops(network) // 2 + biases + 6 * 8


def test_dit_by_hand():
    network = dit((4, 4, 1), patch=2, width=8, depth=1, heads=2)
    tokens, told = 4, 2 * 8 + 8 * 8 + 8 * 6 * 8 + 8 * 2 * 8
    block = tokens * (8 * 24 + 8 * 8 + 2 * 8 * 32) + 2 * tokens * tokens * 8
    assert flops(network) == 2 * (told + tokens * 4 * 8 + block + tokens * 8 * 4)


def test_unet_of_the_benchmark():
    """1.1 M parameters, 95 GFLOP a training step of 64 examples, three times the forward pass."""
    network = unet((32, 32, 1), width=32, multipliers=(1, 2, 2), blocks=1, scale_shift=False)
    assert parameters(network) == pytest.approx(1.1e6, rel=0.03)
    assert 3 * flops(network, batch=64) == pytest.approx(95e9, rel=0.01)


def test_positions_do_not_count_as_parameters():
    network = dit((4, 4, 1), patch=2, width=8, depth=1, heads=2)
    assert network.count_params() - parameters(network) == 4 * 8


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda: model(layers.LSTM(4), (5, 2)), "LSTM is unknown"),
        (lambda: model(layers.Conv2D(4, 3), (None, 6, 2)), "unknown shape"),
    ],
)
def test_what_cannot_be_counted_is_refused(network, message):
    with pytest.raises(ValueError, match=message):
        flops(network())


@pytest.mark.parametrize("make", [lambda: layers.Dense(3), lambda: mlp(3, 3)])
def test_what_is_used_twice_is_refused(make):
    shared, inputs = make(), keras.Input((3,))
    with pytest.raises(ValueError, match="used more than once"):
        flops(keras.Model(inputs, shared(shared(inputs))))
