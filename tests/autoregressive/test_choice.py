"""Temperature, top-k and top-p against what they mean, on a distribution written down by hand."""

import numpy as np
import pytest
from keras import ops

from kgen.autoregressive import Choice

PROBABILITIES = np.array([[0.1, 0.4, 0.2, 0.3], [0.7, 0.1, 0.15, 0.05]], "float32")


def chosen(**options):
    logits = Choice(**options)(ops.convert_to_tensor(np.log(PROBABILITIES)))
    return ops.convert_to_numpy(ops.softmax(logits, axis=-1))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, PROBABILITIES),
        ({"temperature": 0.5}, PROBABILITIES**2 / (PROBABILITIES**2).sum(1, keepdims=True)),
        ({"top_k": 1}, [[0, 1, 0, 0], [1, 0, 0, 0]]),
        ({"top_k": 2}, [[0, 4 / 7, 0, 3 / 7], [0.7 / 0.85, 0, 0.15 / 0.85, 0]]),
        ({"top_k": 9}, PROBABILITIES),
        ({"top_p": 0.35}, [[0, 1, 0, 0], [1, 0, 0, 0]]),
        ({"top_p": 0.65}, [[0, 4 / 7, 0, 3 / 7], [1, 0, 0, 0]]),
        ({"top_p": 0.72}, [[0, 4 / 9, 2 / 9, 3 / 9], [0.7 / 0.85, 0, 0.15 / 0.85, 0]]),
        ({"top_p": 1.0}, PROBABILITIES),
        ({"top_k": 3, "top_p": 0.7}, [[0, 4 / 7, 0, 3 / 7], [1, 0, 0, 0]]),
    ],
    ids=lambda value: "-".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_the_distribution_after_it(options, expected):
    np.testing.assert_allclose(chosen(**options), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "top_k=1 takes the likeliest"),
        ({"temperature": float("nan")}, "temperature > 0"),
        ({"top_k": 0}, "top_k >= 1"),
        ({"top_p": 0.0}, r"top_p in \(0, 1\]"),
        ({"top_p": 1.5}, r"top_p in \(0, 1\]"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Choice(**options)
