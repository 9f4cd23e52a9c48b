"""Maxout and minibatch statistics, by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen.layers import Maxout, MinibatchStandardDeviation

X = np.random.default_rng(0).normal(size=(5, 3, 6)).astype("float32")


def test_maxout_by_hand():
    found = ops.convert_to_numpy(Maxout(3)(X))
    np.testing.assert_array_equal(found, X.reshape(5, 3, 2, 3).max(axis=-1))


def test_a_functional_model_knows_the_shape():
    inputs = keras.Input((6,))
    outputs = MinibatchStandardDeviation()(Maxout(3)(inputs))
    assert keras.Model(inputs, outputs).output_shape == (None, 3)


@pytest.mark.parametrize(("pieces", "message"), [(4, "6 inputs cannot be cut"), (0, "pieces >= 1")])
def test_pieces_are_checked(pieces, message):
    with pytest.raises(ValueError, match=message):
        Maxout(pieces)(X)


def test_minibatch_standard_deviation_by_hand():
    found = ops.convert_to_numpy(MinibatchStandardDeviation()(X))
    np.testing.assert_array_equal(found[..., :6], X)
    np.testing.assert_allclose(found[..., 6], X.std(axis=0).mean(), rtol=1e-5)


def test_a_batch_of_equal_examples_has_a_finite_gradient():
    from kgen import backend

    x = ops.convert_to_tensor(np.repeat(X[:1], 4, axis=0))
    slope = backend.gradient(lambda x: ops.sum(MinibatchStandardDeviation()(x)), x)
    np.testing.assert_allclose(ops.convert_to_numpy(slope), 1.0, atol=1e-3)
