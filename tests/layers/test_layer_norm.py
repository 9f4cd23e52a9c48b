"""Layer normalisation against Keras' own, and its second derivative, which Keras has wrong."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.layers import LayerNormalization

RNG = np.random.default_rng(0)


def numbers(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


@pytest.mark.parametrize("options", [{}, {"center": False, "scale": False}, {"scale": False}], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_output_equals_keras(options, dtype):
    x = RNG.normal(size=(3, 5, 8)).astype("float32")
    reference, layer = (
        kind(dtype=dtype, **options) for kind in (keras.layers.LayerNormalization, LayerNormalization)
    )
    tolerance = 1e-5 if dtype == "float32" else 0.02
    np.testing.assert_allclose(numbers(layer(x)), numbers(reference(x)), atol=tolerance)


def test_second_derivative():
    """The gradient of |d loss / dx|^2 behind a linear map, against a difference quotient."""
    layer = LayerNormalization()
    x, direction, weights = RNG.normal(size=(3, 4, 6)).astype("float32")
    weights = ops.convert_to_tensor(weights)
    matrix = ops.convert_to_tensor(RNG.normal(size=(6, 6)).astype("float32"))

    def loss(x):
        return ops.sum(layer(ops.matmul(x, matrix)) ** 2 * weights)

    def slope(x):
        return ops.sum(ops.square(backend.gradient(loss, x)))

    along = (numbers(backend.gradient(slope, ops.convert_to_tensor(x))) * direction).sum()
    ahead, behind = (
        numbers(slope(ops.convert_to_tensor(x + step * direction))) for step in (1e-3, -1e-3)
    )
    assert along == pytest.approx((ahead - behind) / 2e-3, rel=0.02)
