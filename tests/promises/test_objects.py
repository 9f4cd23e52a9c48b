"""What holds of every family without a record: configs, refusals, odd batches, tensors and arrays."""

import keras
import numpy as np
import pytest
from families import set_numpy_weights
from record import asked, endpoint_inputs
from variables import same, trained_weights

import kgen

N = 16


@pytest.fixture
def model(family):
    return family.make()


def test_config_round_trip(model):
    config = model.get_config()
    twin = type(model).from_config(config)
    assert twin.get_config() == config
    assert [w.shape for w in twin.weights] == [w.shape for w in model.weights]


def test_only_the_part_that_learns_is_changed(model, family):
    """One pass each part: SGD of rate zero for the others."""
    for part in model.parts if len(model.parts) > 1 else ():
        optimizers = {name: keras.optimizers.SGD(0.1 * (name == part)) for name in model.parts}
        model.compile(optimizers, run_eagerly=True)
        before = trained_weights(model)
        model.fit(*family.batch(N), batch_size=N, verbose=0)
        after = trained_weights(model)
        assert {name for name in model.parts if not same(before[name], after[name])} == {part}


def test_a_last_partial_batch_and_a_batch_of_one(model, family):
    model.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    history = model.fit(*family.batch(N + 1), batch_size=N, verbose=0).history
    assert np.isfinite(list(history.values())).all()


def test_a_sample_does_not_depend_on_how_many(model, family):
    set_numpy_weights(model)
    model.compile(run_eagerly=True)
    conditions = asked(family, N)
    many = model.sample(N, seed=1, **conditions)
    few = {name: value[:5] for name, value in conditions.items()}
    np.testing.assert_allclose(many[:5], model.sample(5, seed=1, **few), atol=1e-6)


def test_an_endpoint_takes_tensors_inside_a_graph_and_arrays_outside(model, family):
    set_numpy_weights(model)
    model.compile(run_eagerly=True)
    arrays = list(endpoint_inputs(model, family)["generate"].values())
    inside = keras.ops.convert_to_numpy(model.generate(*map(keras.ops.convert_to_tensor, arrays)))
    np.testing.assert_allclose(model.generate(*arrays), inside, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, given: m.sample(0, **given), "n >= 1"),
        (lambda m, given: m.sample(3, seed=-1, **given), "seed in"),
        (lambda m, given: m.generate(np.zeros((0, 2), "int32")), "at least one"),
        (lambda m, given: m.generate(kgen.random.keys(0, 3), batch_size=0), "batch_size"),
    ],
    ids=["n", "seed", "empty", "batch_size"],
)
def test_bad_arguments(model, family, call, message):
    with pytest.raises(ValueError, match=message):
        call(model, asked(family, 3))
