"""Stacked digits: each channel is one of the images, and the label says which classes."""

import numpy as np
import pytest

from kgen.data import LazyArray, load
from kgen.data.stacked import stack

CLOTHES = load("fashion_mini", "test", size=50)


def test_each_channel_is_an_image_of_the_class_that_the_label_says():
    data = stack(CLOTHES, size=40)
    names = np.array([list(data.spec.classes[label]) for label in data.y]).astype(int)
    for channel in range(3):
        equal = (data.x[:, None, :, :, channel] == CLOTHES.x[None, ..., 0]).all(axis=(2, 3))
        assert (equal.sum(axis=1) == 1).all()
        np.testing.assert_array_equal(CLOTHES.y[equal.argmax(axis=1)], names[:, channel])


def test_seeds_and_splits_differ_and_repeat():
    one, same, other = (stack(CLOTHES, 9, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.x, same.x)
    assert (one.y != other.y).any()
    assert (one.y != stack(load("fashion_mini", "train", size=50), 9, 1).y).any()


def test_the_usual_number_is_stacked_when_it_is_read():
    data = stack(CLOTHES)
    assert isinstance(data.x, LazyArray) and data.x.shape == (128_000, 28, 28, 3)
    np.testing.assert_array_equal(data.x[[3, 5]], data.x[3:6:2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"split": "tset"}, "did you mean 'test'"), ({"resolution": 32}, "it has no resolution")],
)
def test_what_it_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        load("stacked_mnist", **arguments)
