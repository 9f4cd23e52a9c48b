"""Networks: shapes, ranges, seeds, and that Keras saves and loads them."""

import math

import keras
import numpy as np
import pytest

from kgen.flow import RealNVP
from kgen.layers import BatchNormalization, Conv2D, Conv2DTranspose, Dropout
from kgen.networks import (
    conv_decoder,
    conv_encoder,
    dcgan_discriminator,
    dcgan_generator,
    mlp,
    residual_mlp,
    unet,
)
from kgen.networks.seeds import layer_seeds
from kgen.networks.shapes import coarse_size


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


BUILD = {
    "mlp": lambda **o: mlp(3, 2, hidden=(8, 8), **o),
    "generator": lambda **o: dcgan_generator(5, width=4, **o),
    "discriminator": lambda **o: dcgan_discriminator(width=4, dropout=0.3, **o),
    "encoder": lambda **o: conv_encoder(latent_dim=3, width=4, **o),
    "decoder": lambda **o: conv_decoder(3, width=4, **o),
}


def batch_for(network, n=4, seed=0):
    shape = (n, *network.input_shape[1:])
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


@pytest.mark.parametrize(
    ("network", "outputs"),
    [
        (lambda: mlp(3, 2, hidden=()), (2,)),
        (lambda: mlp(3, 7, hidden=(5, 4)), (7,)),
        (lambda: dcgan_generator(5, width=4), (28, 28, 1)),
        (lambda: dcgan_generator(5, (8, 12, 3), width=4, stages=1), (8, 12, 3)),
        (lambda: dcgan_generator(5, (64, 64, 4), width=2, stages=4), (64, 64, 4)),
        (lambda: dcgan_generator(5, width=4, kernel_size=5), (28, 28, 1)),
        (lambda: dcgan_discriminator(width=4), (1,)),
        (lambda: dcgan_discriminator((64, 64, 4), width=2, stages=4), (1,)),
        (lambda: conv_encoder(latent_dim=3, width=4), (6,)),
        (lambda: conv_encoder((8, 12, 3), latent_dim=3, width=4, stages=1), (6,)),
        (lambda: conv_decoder(3, width=4), (28, 28, 1)),
        (lambda: conv_decoder(3, (8, 12, 3), channels_out=6, width=4, stages=1), (8, 12, 6)),
    ],
)
def test_shapes(network, outputs):
    network = network()
    assert isinstance(network, keras.Model)
    assert network.built
    assert network.output_shape == (None, *outputs)
    assert tuple(network(batch_for(network)).shape) == (4, *outputs)


@pytest.mark.parametrize("name", BUILD)
@pytest.mark.parametrize("training", [False, True])
def test_outputs_are_finite(name, training):
    network = BUILD[name]()
    assert np.isfinite(numbers(network(batch_for(network), training=training))).all()


@pytest.mark.parametrize("name", BUILD)
def test_saves_and_loads(name, tmp_path):
    network = BUILD[name]()
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    x = batch_for(network)
    np.testing.assert_array_equal(numbers(again(x)), numbers(network(x)))
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in network.layers]


@pytest.mark.parametrize("name", BUILD)
def test_seed_decides_the_weights(name):
    first, second = (BUILD[name](seed=3).get_weights() for _ in range(2))
    np.testing.assert_equal(first, second)


@pytest.mark.parametrize("name", BUILD)
def test_other_seeds_give_other_weights(name):
    first, second = (BUILD[name](seed=seed).get_weights()[0] for seed in (3, 4))
    assert (first != second).any()


@pytest.mark.parametrize("name", BUILD)
def test_without_a_seed_keras_seed_decides(name):
    keras.utils.set_random_seed(8)
    first = BUILD[name]().get_weights()
    keras.utils.set_random_seed(8)
    np.testing.assert_equal(first, BUILD[name]().get_weights())


@pytest.mark.parametrize("name", BUILD)
def test_clones(name):
    network = BUILD[name](seed=3)
    again = keras.models.clone_model(network)
    again.set_weights(network.get_weights())
    x = batch_for(network)
    np.testing.assert_array_equal(numbers(again(x)), numbers(network(x)))


def test_layers_have_unrelated_seeds():
    seeds = layer_seeds(0)
    first, other = [next(seeds) for _ in range(20)], layer_seeds(1)
    assert len({*first, *(next(other) for _ in range(20))}) == 40


def test_activation_of_mlp():
    network = mlp(2, 3, output_activation=keras.activations.sigmoid)
    y = numbers(network(100 * batch_for(network)))
    assert y.min() >= 0.0 and y.max() <= 1.0


def test_mlp_is_its_formula():
    network = mlp(3, 2, hidden=(4,), activation=keras.activations.tanh)
    x = batch_for(network)
    kernel, bias, kernel2, bias2 = network.get_weights()
    expected = np.tanh(x @ kernel + bias) @ kernel2 + bias2
    np.testing.assert_allclose(numbers(network(x)), expected, atol=1e-5)


def test_parameters_of_mlp():
    assert mlp(3, 2, hidden=(4, 5)).count_params() == 4 * 4 + 5 * 5 + 6 * 2


def test_generator_ends_in_tanh():
    network = dcgan_generator(5, width=4)
    y = numbers(network(1e4 * batch_for(network)))
    assert np.abs(y).max() <= 1.0
    assert np.abs(y).max() > 0.5


def kinds(network):
    return [type(layer) for layer in network.layers]


def test_batch_norm_of_generator():
    assert kinds(dcgan_generator(width=4))[-3:] == [
        BatchNormalization,
        keras.layers.ReLU,
        Conv2DTranspose,
    ]
    assert kinds(dcgan_generator(width=4)).count(BatchNormalization) == 2


@pytest.mark.parametrize(("batch_norm", "count"), [(True, 1), (False, 0)])
def test_batch_norm_of_discriminator(batch_norm, count):
    layers = kinds(dcgan_discriminator(width=4, batch_norm=batch_norm))
    assert layers.count(BatchNormalization) == count
    assert layers[1:3] == [Conv2D, keras.layers.LeakyReLU]


@pytest.mark.parametrize(("rate", "count"), [(0.0, 0), (0.3, 2)])
def test_dropout_of_discriminator(rate, count):
    assert kinds(dcgan_discriminator(width=4, dropout=rate)).count(Dropout) == count


def test_slope_of_leaky_relu():
    leaky = dcgan_discriminator(width=4).layers[2]
    assert float(leaky(-np.ones((1, 1), "float32"))[0, 0]) == pytest.approx(-0.2)


@pytest.mark.parametrize("build", [dcgan_generator, dcgan_discriminator])
def test_initial_weights_are_those_of_the_paper(build):
    kernels = [w for w in build(seed=0).trainable_variables if w.name == "kernel"]
    largest = max(kernels, key=lambda w: math.prod(w.shape))
    assert numbers(largest).std() == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize(
    "build",
    [
        lambda shape: dcgan_generator(shape=shape),
        lambda shape: dcgan_discriminator(shape),
        lambda shape: conv_encoder(shape),
        lambda shape: conv_decoder(shape=shape),
    ],
)
@pytest.mark.parametrize(
    ("shape", "message"),
    [((30, 28, 1), "Pad the images to 32x28"), ((28, 28), "height, width, channels")],
)
def test_shapes_are_checked(build, shape, message):
    with pytest.raises(ValueError, match=message):
        build(shape)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mlp((2,), 1), r"input_dim to be a whole number, got \(2,\)"),
        (lambda: mlp(2, 1, hidden=64), r"hidden to be whole numbers in a tuple, .*got 64"),
        (lambda: residual_mlp((2,)), r"dim to be a whole number, got \(2,\)"),
        (lambda: conv_decoder((28, 28, 1), 4), "latent_dim to be a whole number"),
        (lambda: unet(28), r"shape to be whole numbers in a tuple, such as \(28, 28, 1\), got 28"),
        (lambda: RealNVP(2), r"shape to be whole numbers in a tuple, such as \(2,\), got 2"),
    ],
)
def test_numbers_and_shapes_are_told_apart(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(
    "call", [lambda: mlp(0, 1), lambda: mlp(1, 1, hidden=(0,)), lambda: coarse_size((4, 4, 1), 0)]
)
def test_sizes_are_checked(call):
    with pytest.raises(ValueError, match=r"at least 1|>= 1"):
        call()
