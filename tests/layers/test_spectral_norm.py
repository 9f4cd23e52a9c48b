"""Spectral normalisation against NumPy's singular values, through training, averages and files."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen import backend
from kgen.layers import SpectralNormalization

LAYERS = {
    "Dense": (keras.layers.Dense(4), (3, 5)),
    "Conv2D": (keras.layers.Conv2D(4, 3), (2, 6, 6, 3)),
    "Embedding": (keras.layers.Embedding(7, 4), (5,)),
}


def converged(name, seed=0):
    """A layer whose u has found its direction, and the kernel as a matrix."""
    keras.utils.set_random_seed(seed)
    inner, shape = LAYERS[name]
    layer = SpectralNormalization(type(inner).from_config(inner.get_config()), iterations=60)
    x = ops.zeros(shape, "int32") if name == "Embedding" else ops.ones(shape)
    layer(x, training=True)
    return layer, x, layer.kernel.numpy().reshape(-1, 4)


@pytest.mark.parametrize("name", LAYERS)
def test_divides_by_the_largest_singular_value(name):
    layer, x, matrix = converged(name)
    plain, found = (ops.convert_to_numpy(each(x)) for each in (layer.layer, layer))
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    np.testing.assert_allclose(found, plain / largest, rtol=1e-4, atol=1e-6)


def test_training_moves_u_and_inference_does_not():
    layer = SpectralNormalization(keras.layers.Dense(4))
    states = []
    for training in (False, False, True, True):
        layer(ops.ones((2, 3)), training=training)
        states.append(np.array(layer.u.numpy()))
    assert np.array_equal(states[0], states[1])
    assert np.abs(states[2] - states[1]).max() > 1e-3 and np.abs(states[3] - states[2]).max() > 1e-6


def test_the_gradient_goes_through_sigma():
    """C d(W / sigma)/dW is (C - <C, W / sigma> a b^T) / sigma, with a and b the singular vectors.

    Along W itself it is zero: W / sigma does not change with W's length.
    """
    layer, x, matrix = converged("Dense")
    cotangent = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")

    def loss():
        return ops.sum(ops.multiply(layer(x, training=True), cotangent)), None

    _, (gradient, _) = backend.value_and_grad(loss, layer.trainable_variables)
    a, sigma, b = np.linalg.svd(matrix)
    kernel = np.ones((3, 5)).T @ cotangent
    expected = (kernel - (kernel * matrix).sum() / sigma[0] * np.outer(a[:, 0], b[0])) / sigma[0]
    np.testing.assert_allclose(ops.convert_to_numpy(gradient), expected, rtol=1e-3, atol=1e-4)


def test_a_kernel_of_zeros_stays():
    layer = SpectralNormalization(keras.layers.Dense(4, kernel_initializer="zeros"))
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(ops.ones((2, 3)), training=True)), 0.0)


def test_in_a_gan_with_a_penalty_an_average_and_files(tmp_path):
    """Compiled whole; the discriminator stays 1-Lipschitz; u goes on where it was."""
    dense = [SpectralNormalization(keras.layers.Dense(n), iterations=5) for n in (8, 1)]
    discriminator = keras.Sequential([keras.Input((2,)), dense[0], keras.layers.ReLU(), dense[1]])
    generator = keras.Sequential([keras.Input((2,)), SpectralNormalization(keras.layers.Dense(2))])
    model = kgen.GAN(
        generator, discriminator, kgen.gan.Hinge(), [kgen.gan.GradientPenalty()], ema_decay=0.9
    )
    model.compile(keras.optimizers.Adam(0.05), jit_compile=True)
    x = np.random.default_rng(0).normal(size=(32, 2)).astype("float32")
    before = np.array(dense[0].u.numpy())
    model.fit(x, batch_size=16, epochs=3, verbose=0)
    assert np.abs(dense[0].u.numpy() - before).max() > 1e-3
    logits = model.discriminate(x).ravel()
    gaps = np.linalg.norm(x[:, None] - x[None], axis=-1) + 1e-6
    assert (np.abs(logits[:, None] - logits[None]) / gaps).max() <= 1.01
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.discriminator.layers[0].u.numpy(), dense[0].u.numpy())
    np.testing.assert_array_equal(loaded.sample(3, seed=0), model.sample(3, seed=0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SpectralNormalization(keras.layers.Dense(2), iterations=0), "iterations >= 1"),
        (lambda: SpectralNormalization(keras.layers.ReLU())(ops.ones((1, 2))), "ReLU has no kernel"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_vectors_of_the_power_method_are_constants():
    """With u and v fixed d sigma / dW is their outer product, also before they have converged."""
    random = np.random.default_rng(3)
    weight, slope = random.normal(size=(2, 4, 3))
    layer = SpectralNormalization(keras.layers.Dense(3, use_bias=False))
    layer.build((None, 4))
    layer.kernel.assign(weight.astype("float32"))
    u = layer.u.numpy().astype("float64")
    v = weight.T @ u / np.linalg.norm(weight.T @ u)
    u = weight @ v / np.linalg.norm(weight @ v)
    sigma = u @ weight @ v
    expected = slope / sigma - np.sum(weight * slope) / sigma**2 * np.outer(u, v)
    inputs, factor = (ops.convert_to_tensor(a.astype("float32")) for a in (np.eye(4), slope))
    _, (found,) = backend.value_and_grad(
        lambda: (ops.sum(layer(inputs) * factor), None), [layer.kernel]
    )
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4, atol=1e-5)
