"""MADE: the Jacobian has its zeros where the order says so, and nowhere else."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen import backend

ORDERS = [None, (2, 0, 3, 1)]


def depends(network, dim, context=None):
    """Which outputs move with which inputs: bool (dim, inputs), by the Jacobian at a random point."""
    rng = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(size=variable.shape).astype("float32"))
    width = dim + (context or 0)
    point = ops.convert_to_tensor(rng.normal(size=(1, width)).astype("float32"))

    def flat(x):
        parts = x if context is None else [x[:, :dim], x[:, dim:]]
        return network(parts)

    eye = np.eye(width, dtype="float32")
    columns = [backend.jvp(flat, point, ops.convert_to_tensor(row[None]))[1][0] for row in eye]
    jacobian = np.stack([ops.convert_to_numpy(c) for c in columns], axis=-1)  # (dim, outputs, width)
    return np.abs(jacobian).max(axis=1) > 0


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_an_output_sees_exactly_the_inputs_before_it(order):
    network = kgen.networks.made(4, 2, (32, 32), order=order, activation=keras.activations.tanh)
    place = np.argsort(order or range(4))
    np.testing.assert_array_equal(depends(network, 4), place[:, None] > place[None])


def test_every_output_sees_the_whole_context():
    network = kgen.networks.made(4, 2, (32, 32), context=3, activation=keras.activations.tanh)
    seen = depends(network, 4, context=3)
    np.testing.assert_array_equal(seen[:, :4], np.tri(4, k=-1) > 0)
    assert seen[:, 4:].all()


def test_of_one_dimension_the_output_is_a_constant():
    assert not depends(kgen.networks.made(1, 2), 1).any()


def test_a_saved_network_is_the_same(tmp_path):
    network = kgen.networks.made(3, 2, (8,), context=2, order=(2, 1, 0), seed=1)
    network.save(tmp_path / "made.keras")
    x = [np.ones((2, 3), "float32"), np.ones((2, 2), "float32")]
    loaded = keras.saving.load_model(tmp_path / "made.keras")
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(x)), ops.convert_to_numpy(network(x)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, "at least 1"),
        ({"dim": 3, "hidden": (0,)}, "at least 1"),
        ({"dim": 3, "order": (0, 1, 1)}, r"order of 3 dimensions, each of them once, got \(0, 1, 1\)"),
    ],
)
def test_bad_arguments_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        kgen.networks.made(**options)
