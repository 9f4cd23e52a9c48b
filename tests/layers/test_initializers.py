"""Initial weights: their distribution, their seed, and that every backend has the same."""

import math

import keras
import numpy as np
import pytest

from kgen.layers import GlorotUniform, Normal

INITIALIZERS = {"normal": Normal, "glorot": GlorotUniform}


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_moments_of_normal():
    weights = numbers(Normal(0.5, seed=3)((200, 100)))
    assert abs(weights.mean()) < 4 * 0.5 / math.sqrt(weights.size)
    assert weights.std() == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("shape", [(60, 40), (5, 5, 60, 40), (5, 5, 40, 60)], ids=str)
def test_limit_of_glorot(shape):
    limit = math.sqrt(6 / (math.prod(shape[:-2]) * 100))
    weights = numbers(GlorotUniform(seed=1)(shape))
    assert 0.99 * limit < np.abs(weights).max() <= limit
    assert weights.std() == pytest.approx(limit / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_same_seed_same_weights(name):
    first, second = (numbers(INITIALIZERS[name](seed=5)((3, 4))) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_without_a_seed_weights_differ(name):
    first, second = (numbers(INITIALIZERS[name]()((3, 4))) for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_dtype(name, dtype):
    weights = INITIALIZERS[name](seed=0)((3, 4), dtype=dtype)
    assert keras.backend.standardize_dtype(weights.dtype) == dtype


@pytest.mark.parametrize("name", INITIALIZERS)
def test_round_trip(name):
    config = keras.saving.serialize_keras_object(INITIALIZERS[name](seed=6))
    again = keras.saving.deserialize_keras_object(config)
    expected = numbers(INITIALIZERS[name](seed=6)((3, 4)))
    np.testing.assert_array_equal(numbers(again((3, 4))), expected)
