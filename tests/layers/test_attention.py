"""Attention against NumPy, and what it keeps: permutations, averages, types."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen.layers import Attention
from kgen.networks.attention import self_attention

RNG = np.random.default_rng(0)


def numbers(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def draw(*shape):
    return RNG.normal(size=shape).astype("float32")


def by_numpy(queries, keys, values, heads):
    """Head by head, example by example."""
    d = queries.shape[-1] // heads
    outputs = np.zeros_like(queries)
    for example in range(len(queries)):
        for head in range(heads):
            part = (example, slice(None), slice(head * d, (head + 1) * d))
            scores = np.exp(queries[part] @ keys[part].T / np.sqrt(d))
            outputs[part] = scores / scores.sum(axis=1, keepdims=True) @ values[part]
    return outputs


@pytest.mark.parametrize("heads", [1, 2, 6])
@pytest.mark.parametrize(("m", "n"), [(4, 4), (4, 7), (5, 1)])
def test_equals_numpy(m, n, heads):
    q, k, v = draw(3, m, 6), draw(3, n, 6), draw(3, n, 6)
    np.testing.assert_allclose(numbers(Attention(heads)(q, k, v)), by_numpy(q, k, v, heads), atol=1e-5)


def test_equal_keys_give_the_average():
    q, v = draw(2, 3, 4), draw(2, 5, 4)
    outputs = numbers(Attention(2)(q, np.ones((2, 5, 4), "float32"), v))
    expected = np.broadcast_to(v.mean(axis=1, keepdims=True), outputs.shape)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


def test_permuted_sequences_give_permuted_outputs():
    inputs = keras.Input((6, 8))
    model = keras.Model(inputs, self_attention(inputs, 2, iter(range(9))))
    for weight in model.trainable_variables:
        weight.assign(draw(*weight.shape))
    x, order = draw(2, 6, 8), RNG.permutation(6)
    np.testing.assert_allclose(numbers(model(x[:, order])), numbers(model(x))[:, order], atol=1e-4)


def test_large_scores_stay_finite():
    q = 1e4 * np.eye(4, dtype="float32")[None]
    np.testing.assert_allclose(numbers(Attention()(q, q, q)), q)


def test_half_precision():
    q, k, v = draw(2, 4, 8), draw(2, 5, 8), draw(2, 5, 8)
    outputs = Attention(2, dtype="mixed_bfloat16")(q, k, v)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    np.testing.assert_allclose(numbers(outputs), by_numpy(q, k, v, 2), atol=0.03)


@pytest.mark.parametrize(("heads", "message"), [(0, "at least 1"), (3, "divide the 8 channels")])
def test_bad_heads_are_refused(heads, message):
    x = draw(1, 2, 8)
    with pytest.raises(ValueError, match=message):
        Attention(heads)(x, x, x)
