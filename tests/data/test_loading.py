import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import kgen.data
from kgen.data import LazyArray, load, names

MODULES = [f"kgen.data.{m.name}" for m in pkgutil.iter_modules(kgen.data.__path__)]


@pytest.mark.parametrize("module", ["kgen.data", *MODULES])
def test_examples_in_docstrings(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_names():
    assert names() == (
        "fashion_mini",
        "fashion_mnist",
        "mnist",
        "stacked_mnist",
        "emoji32",
        "ring8",
        "grid25",
        "moons",
        "swissroll",
        "checkerboard",
        "pinwheel",
        "two_gaussians",
        "rings",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "rign8"}, "unknown data set 'rign8': did you mean 'ring8'"),
        ({"name": "fashion-mnist"}, "did you mean 'fashion_mnist'"),
        ({"name": "qqq"}, "known: checkerboard, .*tfds:NAME"),
        ({"name": "ring8", "split": "tset"}, "no split 'tset': did you mean 'test'"),
        ({"name": "fashion_mini", "split": "validation"}, "known: test, train"),
        ({"name": "mnist", "split": "val"}, "'mnist' has no split 'val'"),
        ({"name": "ring8", "size": 0}, "size must be an integer of at least 1, got 0"),
        ({"name": "ring8", "size": 1.5}, "size must be an integer of at least 1, got 1.5"),
        ({"name": "fashion_mini", "size": 10_001}, "10000 examples, fewer than size=10001"),
        ({"name": "fashion_mini", "resolution": 0}, "resolution must be an integer"),
        ({"name": "ring8", "resolution": 8}, "it has no resolution"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        load(**arguments)


def test_batches_of_a_data_set_without_labels():
    with pytest.raises(ValueError, match="'swissroll' has no labels"):
        load("swissroll", size=5).batches(labels=True)


@pytest.mark.parametrize(("labels", "parts"), [(False, 1), (True, 2)])
def test_batches_with_and_without_labels(labels, parts):
    assert len(load("ring8", size=50).batches(10, labels=labels)[0]) == parts


LAZY = LazyArray(lambda numbers: [np.array([i, 10 * i]) for i in numbers], (4, 2), np.float32)


@pytest.mark.parametrize(
    "index",
    [2, -1, slice(1, 3), [3, 0], np.array([True, False, True, False]), np.array([[0, 1], [2, 3]])],
)
def test_lazy_array_indexes_as_an_array(index):
    full = np.array([[0, 0], [1, 10], [2, 20], [3, 30]], np.float32)
    assert (LAZY[index] == full[index]).all()
    assert LAZY[index].shape == full[index].shape


def test_lazy_array_index_outside():
    with pytest.raises(IndexError):
        LAZY[4]


def test_lazy_array_has_no_view():
    with pytest.raises(ValueError, match="copy=False is impossible"):
        LAZY.__array__(copy=False)


def test_lazy_array_reads_more_than_one_chunk():
    lazy = LazyArray(lambda numbers: numbers, (600,), np.int32)
    assert (np.asarray(lazy) == np.arange(600)).all()
