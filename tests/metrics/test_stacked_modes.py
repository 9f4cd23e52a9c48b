"""The modes of stacked digits, by hand, and read by the classifier from digits that are known."""

import math

import numpy as np
import pytest

from kgen.metrics import stacked_digits, stacked_modes
from kgen.metrics.features import custom_features
from kgen.metrics.features.network import FeatureNetwork


def test_one_triple_of_a_thousand():
    covered, divergence = stacked_modes(np.full((500, 3), 7))
    assert (covered.value, covered.error) == (1.0, 0.0)
    assert divergence.value == pytest.approx(math.log(1000))


def test_two_triples_one_three_times_as_often():
    digits = np.array([[1, 2, 3]] * 300 + [[3, 2, 1]] * 100)
    covered, divergence = stacked_modes(digits)
    assert covered.value == 2.0
    expected = 0.75 * math.log(750) + 0.25 * math.log(250)
    assert divergence.value == pytest.approx(expected)


def test_each_channel_is_read_by_itself():
    """Images of one value, which a classifier of ten classes tells apart."""

    def forward(images):
        values = np.round(4.5 * (images.mean(axis=(1, 2, 3)) + 1)).astype(int)
        return np.zeros((len(images), 1)), np.eye(10)[values]

    classifier = FeatureNetwork(forward, "values", input_shape=(4, 4, 1), classes=10)
    digits = np.random.default_rng(0).integers(0, 10, (300, 3))
    images = np.broadcast_to(digits[:, None, None] / 4.5 - 1, (300, 4, 4, 3)).astype("float32")
    np.testing.assert_array_equal(stacked_digits(classifier)(images), digits)


@pytest.mark.parametrize("digits", [np.full((200, 3), 10), np.full((200, 3), 0.5)])
def test_what_is_no_digit(digits):
    with pytest.raises(ValueError, match="integers from 0 to 9"):
        stacked_modes(digits)


def test_a_network_that_is_no_classifier():
    network = stacked_digits(custom_features(lambda x: x.reshape(len(x), -1), "pixels"))
    with pytest.raises(ValueError, match="no classifier"):
        network(np.zeros((2, 4, 4, 3), "float32"))
