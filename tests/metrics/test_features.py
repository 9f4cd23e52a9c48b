"""Feature networks: what they give, on each backend, and what they refuse."""

import random
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import kgen
from kgen.metrics.features import (
    classifiers,
    custom_features,
    fashion_classifier,
    inception,
    mnist_classifier,
)
from kgen.metrics.features.resize import resize

WEIGHTS = Path(classifiers.__file__).parent / "weights"


def noise(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


@pytest.fixture(scope="module")
def fashion():
    return fashion_classifier()


def convolve(x, kernel):
    """A 3x3 convolution with zeros around: x (n, h, w, c), kernel (3, 3, c, d)."""
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), axis=(1, 2)
    )
    return np.einsum("nhwcij,ijcd->nhwd", windows, kernel, optimize=True)


def classify(images, path):
    """The network of the two classifiers in NumPy, float64: features and probabilities."""
    with np.load(path) as arrays:
        weights = iter([arrays[name].astype("float64") for name in arrays.files])
    x = images.astype("float64")
    for halves in (True, False, True, False, False):
        x = convolve(x, next(weights))
        gamma, beta, mean, variance = (next(weights) for _ in range(4))
        x = np.maximum(gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta, 0)
        if halves:
            n, h, w, c = x.shape
            x = x.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))
    features = x.mean(axis=(1, 2))
    odds = np.exp(features @ next(weights) + next(weights))
    return features, odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("make", [fashion_classifier, mnist_classifier])
def test_a_classifier_agrees_with_numpy(make):
    images, network = noise(4, 28, 28, 1), make()
    features, probabilities = classify(images, WEIGHTS / f"{network.name}.npz")
    assert network(images).dtype == np.float32
    np.testing.assert_allclose(network(images), features, atol=1e-4)
    np.testing.assert_allclose(network.probabilities(images), probabilities, atol=1e-4)


@pytest.mark.parametrize("make", [fashion_classifier, mnist_classifier])
def test_a_classifier_says_what_it_is(make):
    network = make()
    assert network.name == make.__name__
    assert network.input_shape == (28, 28, 1)
    assert (network.dimension, network.classes) == (96, 10)
    assert network.resize == "bicubic, antialiased (Pillow, float32) to 28x28"
    assert re.fullmatch("[0-9a-f]{64}", network.sha256)


@pytest.mark.parametrize("make", [fashion_classifier, mnist_classifier])
def test_the_weights_are_small(make):
    assert (WEIGHTS / f"{make.__name__}.npz").stat().st_size <= 2_000_000


def test_clothes_are_recognised(fashion):
    test = kgen.data.load("fashion_mini", "test", size=1000)
    assert (fashion.probabilities(test.x).argmax(axis=1) == test.y).mean() >= 0.92


def lazily(images):
    return kgen.data.LazyArray(lambda numbers: images[numbers], images.shape, images.dtype)


@pytest.mark.parametrize(
    "give",
    [
        lazily,
        lambda images: images.astype("float64"),
        lambda images: [images[:3], images[3:]],
        lambda images: (batch for batch in (images[:7], images[7:])),
        lambda images: [(images, np.zeros(10))],
        lambda images: kgen.data.Batches(images, np.zeros(10), batch_size=4, shuffle=False),
        keras.ops.convert_to_tensor,
    ],
    ids=["lazy", "float64", "list", "generator", "labelled", "Batches", "tensor"],
)
def test_images_may_come_in_many_ways(fashion, give):
    images = noise(10, 28, 28, 1)
    np.testing.assert_allclose(fashion(give(images)), fashion(images), atol=1e-5)


def test_a_network_works_a_batch_at_a_time():
    sizes = []

    def function(images):
        sizes.append(len(images))
        return images.mean(axis=(1, 2))

    means = custom_features(function, "mean", batch_size=4)
    np.testing.assert_array_equal(means(noise(10, 2, 2, 1)), noise(10, 2, 2, 1).mean(axis=(1, 2)))
    assert sizes == [4, 4, 2]


def test_images_of_another_size_are_resized(fashion):
    images = 0.5 * noise(3, 32, 40, 1)  # the filter may pass the range a little
    np.testing.assert_allclose(fashion(images), fashion(resize(images, 28, 28)), atol=1e-6)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 28, 28, 1), np.uint8), r"got uint8: scale bytes as x / 127\.5 - 1"),
        (np.full((2, 28, 28, 1), 255.0), r"in \[-1, 1\], got values in \[255, 255\]"),
        (np.zeros((28, 28, 1)), r"shape \(n, h, w, 1 or 3\), got \(28, 28, 1\)"),
        (np.zeros((2, 1, 28, 28)), r"shape \(n, h, w, 1 or 3\), got \(2, 1, 28, 28\)"),
        (np.zeros((2, 28, 28, 3)), r"expected images with 1 channel\(s\) or 1, got 3"),
        ([np.zeros((5, 28, 28, 1)), np.full((2, 28, 28, 1), np.nan)], "NaN or infinite .* image 5"),
        (np.zeros((0, 28, 28, 1)), "fashion_classifier: no images"),
        ([], "fashion_classifier: no images"),
    ],
)  # fmt: skip
def test_bad_images_are_an_error(fashion, images, message):
    with pytest.raises(ValueError, match=message):
        fashion(images)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda images: images, r"mine gave features of shape \(2, 4, 4, 1\), not \(2, d\)"),
        (lambda images: images[:1, 0, 0], r"mine gave features of shape \(1, 1\), not \(2, d\)"),
        (lambda images: images[:, 0, 0] / 0, "mine gave NaN or infinite features"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_bad_features_are_an_error(function, message):
    with pytest.raises(ValueError, match=message):
        custom_features(function, "mine")(noise(2, 4, 4, 1))


def test_a_function_may_give_a_tensor():
    flat = custom_features(lambda images: keras.ops.reshape(images, (-1, 16)), "pixels")
    np.testing.assert_array_equal(flat(noise(2, 4, 4, 1)), noise(2, 4, 4, 1).reshape(2, 16))


def test_probabilities_of_what_is_no_classifier_are_an_error():
    with pytest.raises(ValueError, match="pixels is no classifier"):
        custom_features(lambda images: images, "pixels").probabilities(noise(2, 4, 4, 1))


def test_changed_weights_are_an_error(tmp_path, monkeypatch):
    content = bytearray((WEIGHTS / "fashion_classifier.npz").read_bytes())
    content[1000] ^= 1
    (tmp_path / "fashion_classifier.npz").write_bytes(content)
    monkeypatch.setattr(classifiers, "_WEIGHTS", tmp_path)
    with pytest.raises(
        ValueError, match=r"fashion_classifier\.npz: corrupt or changed; expected sha256"
    ):
        fashion_classifier()


def test_a_network_leaves_no_trace_in_a_training(fashion):
    keras.config.set_dtype_policy("mixed_bfloat16")
    before = random.getstate()
    built = fashion_classifier()
    assert random.getstate() == before
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    np.testing.assert_allclose(built(noise(2, 28, 28, 1)), fashion(noise(2, 28, 28, 1)), atol=1e-6)


def test_inception_without_a_network_says_where_to_put_its_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.delenv("no_proxy", raising=False)
    folder = re.escape(str(tmp_path / "models"))
    with pytest.raises(ConnectionError, match=f"cannot be fetched: .* put it into {folder}, or pass"):
        inception()


def test_inception_with_a_path_to_nothing_is_an_error():
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5: no such file of weights"):
        inception("nowhere.h5")


@pytest.mark.slow
def test_inception_with_the_weights_of_another_network_is_an_error(tmp_path):
    path = tmp_path / "other.weights.h5"
    classifiers.image_classifier().save_weights(path)
    with pytest.raises(ValueError, match=r"other.weights.h5: not weights of .*InceptionV3"):
        inception(path)


@pytest.mark.slow
def test_inception_gives_what_keras_gives(tmp_path):
    """Random weights, images of another size, grey: the pooled features and the probabilities."""
    model = keras.applications.InceptionV3(weights=None)
    model.save_weights(tmp_path / "random.weights.h5")
    network = inception(tmp_path / "random.weights.h5")
    images = noise(2, 32, 32, 1)
    grown = np.repeat(resize(images, 299, 299), 3, axis=-1)
    pooled = keras.Model(model.input, [model.get_layer("avg_pool").output, model.output])
    features, probabilities = pooled.predict_on_batch(grown)
    assert (network.name, network.dimension) == ("Keras-Inception (random.weights.h5)", 2048)
    np.testing.assert_allclose(network(images), features, atol=1e-5)
    np.testing.assert_allclose(network.probabilities(images), probabilities, atol=1e-5)
