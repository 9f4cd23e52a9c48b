"""What does not fit together is refused, with the fix."""

import keras
import numpy as np
import pytest
from small_models import TINY

import kgen
from kgen.autoregressive import Bernoulli, Categorical, Tokens
from kgen.layers import CausalAttention, MaskedConv2D
from kgen.networks import lstm, pixelcnn, transformer


@pytest.fixture(scope="module")
def image_model():
    model = TINY["pixelcnn"]()
    model.compile("sgd")
    return model


@pytest.fixture(scope="module")
def text_model():
    model = TINY["text"]()
    model.compile("sgd")
    return model


def network(**options):
    return pixelcnn((2, 2, 1), 1, width=2, depth=1, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: kgen.Autoregressive(network(), Categorical(4)), "outputs=4"),
        (lambda: kgen.Autoregressive(network(), Bernoulli(), classes=3), "or to neither"),
        (lambda: kgen.Autoregressive(network(classes=3), Bernoulli()), "or to neither"),
        (lambda: kgen.Autoregressive(network(), Bernoulli(), shape=(3, 3, 1)), "do not fit"),
        (lambda: kgen.Autoregressive(lstm(4, 3, width=2), Tokens(3)), "vocabulary=3"),
        (
            lambda: kgen.Autoregressive(
                transformer((4,), 3, vocabulary=3, width=4, depth=1, heads=1),
                Categorical(3),
                binarize=True,
            ),
            r"use Bernoulli\(\)",
        ),
        (lambda: kgen.Autoregressive(network(), Bernoulli(), binarise=True), "binarise"),
        (lambda: kgen.Autoregressive(network(), Bernoulli(), ema_decay=1.0), "EMA decay"),
    ],
    ids=["outputs", "classes", "no_classes", "shape", "floats", "binarize", "typo", "ema"],
)
def test_parts_that_do_not_fit(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


IMAGES = np.ones((4, 2, 2, 1), "float32")
TEXTS = np.zeros((4, 3), "int32")
LABELS = np.zeros(4, "int32")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.fit(0.5 * IMAGES, verbose=0), r"quantize\(x, 2\)"),
        (lambda m: m.fit(IMAGES, LABELS, verbose=0), "without y"),
        (lambda m: m.log_prob(0.5 * IMAGES), r"quantize\(x, 2\)"),
        (lambda m: m.log_prob(IMAGES[:, :1]), r"expected examples of shape \(2, 2, 1\)"),
        (lambda m: m.log_prob(IMAGES, LABELS), "takes no labels"),
        (lambda m: m.sample(0), "n >= 1"),
        (lambda m: m.sample(2, labels=1), "takes no labels"),
        (lambda m: m.sample(2, temperature=-1.0), "temperature > 0"),
        (lambda m: m.complete(IMAGES, 5), r"given in 0 ... 4"),
        (lambda m: m.complete(IMAGES, -1), r"given in 0 ... 4"),
    ],
)
def test_images_that_do_not_fit(image_model, call, message):
    with pytest.raises(ValueError, match=message):
        call(image_model)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.fit(TEXTS + 3, LABELS, verbose=0), r"integers 0 ... 2"),
        (lambda m: m.fit(TEXTS.astype("float32"), LABELS, verbose=0), "expected integers, got float32"),
        (lambda m: m.fit(TEXTS, LABELS + 2, verbose=0), r"labels 0 ... 1, got 2 at position 0"),
        (lambda m: m.fit(TEXTS, verbose=0), r"call fit\(x, labels\)"),
        (lambda m: m.fit(np.zeros((4, 5), "int32"), LABELS, verbose=0), r"\(batch, 3\)"),
        (lambda m: m.log_prob(np.zeros((4, 5), "int32"), LABELS), "cut it into pieces of 3"),
        (lambda m: m.log_prob(TEXTS), r"needs labels .* 0 ... 1"),
        (lambda m: m.sample(4, labels=2), r"labels 0 ... 1"),
        (lambda m: m.sample(4, labels=0.5), "integer labels"),
        (lambda m: m.sample(4, labels=[0, 1]), r"labels of shape \(\) or \(4,\), got \(2,\)"),
    ],
)
def test_texts_that_do_not_fit(text_model, call, message):
    with pytest.raises(ValueError, match=message):
        call(text_model)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaskedConv2D(4, 2), "odd number of columns"),
        (lambda: MaskedConv2D(4, 1, "A"), "leaves nothing"),
        (lambda: MaskedConv2D(4, 3, "C"), "mask 'A' or 'B'"),
        (lambda: CausalAttention((4,), 0), "heads of at least 1"),
        (lambda: CausalAttention((4,))(np.zeros((1, 5, 12), "float32")), "4 positions, got 5"),
        (lambda: transformer((2, 2), 2, width=12, heads=2), "multiple of 4 channels"),
        (lambda: transformer((4,), 2, width=10, heads=4), "divide the width"),
        (lambda: transformer((4,), 2, vocabulary=0), "vocabulary and channels of at least 1"),
        (lambda: lstm(4, 2, width=0), "width and depth of at least 1"),
        (lambda: kgen.layers.LSTM(4, go_backwards=True), "forwards"),
        (lambda: pixelcnn((4, 4), 1), "height, width, channels"),
        (lambda: pixelcnn((4, 4, 1), 0), "outputs of at least 1"),
        (lambda: pixelcnn((4, 4, 1), 1, classes=0), "classes of at least 1"),
        (lambda: kgen.layers.Gate()(np.zeros((1, 3), "float32")), "even number"),
    ],
)
def test_networks_that_cannot_be(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_network_with_a_layer_of_ones_own_samples_without_the_cache():
    """Not every layer can take one position: then the whole network runs, and the samples are right."""
    x = keras.Input((4, 1))
    h = kgen.layers.Shift(0)(x)
    h = keras.layers.Conv1D(3, 2, padding="causal", activation="tanh")(h)
    model = kgen.Autoregressive(keras.Model(x, keras.layers.Dense(1)(h)), Bernoulli())
    model.compile("sgd")
    np.testing.assert_array_equal(
        model.sample(5, seed=1), model.generate(kgen.random.keys(1, 5), cached=False)
    )
