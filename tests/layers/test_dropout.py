"""Dropout: its rate, its scale, and its state as a weight."""

import math

import keras
import numpy as np
import pytest

from kgen.layers import Dropout


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


ONES = np.ones((40, 500), "float32")


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rate_and_scale(rate):
    y = numbers(Dropout(rate, seed=0)(ONES, training=True))
    assert np.allclose(np.unique(y), [0.0, 1 / (1 - rate)])
    error = math.sqrt(rate * (1 - rate) / ONES.size)
    assert abs((y == 0).mean() - rate) < 4 * error


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True)])
def test_identity(rate, training):
    np.testing.assert_array_equal(numbers(Dropout(rate)(ONES, training=training)), ONES)


def test_calls_differ():
    layer = Dropout(0.5, seed=0)
    first, second = (numbers(layer(ONES, training=True)) for _ in range(2))
    assert 0.4 < (first == second).mean() < 0.6


def test_examples_differ():
    y = numbers(Dropout(0.5, seed=0)(ONES, training=True))
    assert 0.4 < (y[0] == y[1]).mean() < 0.6


def test_same_seed_same_noise():
    first, second = (numbers(Dropout(0.5, seed=3)(ONES, training=True)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_layers_without_a_seed_differ():
    first, second = (numbers(Dropout(0.5)(ONES, training=True)) for _ in range(2))
    assert (first != second).any()


def test_inference_does_not_move_the_state():
    layer = Dropout(0.5, seed=0)
    before = [numbers(w) for w in layer.weights]
    layer(ONES)
    np.testing.assert_array_equal(before[0], numbers(layer.weights[0]))


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rate_is_checked(rate):
    with pytest.raises(ValueError, match="dropout rate"):
        Dropout(rate)


def test_half_precision_stays():
    y = Dropout(0.5, dtype="mixed_bfloat16")(ONES, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"


def test_round_trip():
    layer = Dropout(0.25, seed=4)
    again = Dropout.from_config(layer.get_config())
    assert (again.rate, again.seed) == (0.25, 4)


def test_state_is_saved(tmp_path):
    inputs = keras.Input((500,))
    model = keras.Model(inputs, Dropout(0.5)(inputs))
    model(ONES, training=True)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    first, second = (numbers(m(ONES, training=True)) for m in (model, again))
    np.testing.assert_array_equal(first, second)


def test_fit_moves_the_state():
    inputs = keras.Input((500,))
    model = keras.Model(inputs, keras.layers.Dense(1)(Dropout(0.5)(inputs)))
    model.compile("sgd", "mse")
    before = numbers(model.non_trainable_variables[0]).copy()
    model.fit(ONES, ONES[:, :1], batch_size=16, epochs=1, verbose=0)  # the last batch is smaller
    steps = numbers(model.non_trainable_variables[0]) - before
    assert steps.tolist() == [0, 0, 3]
