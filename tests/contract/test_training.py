"""Every family trains with `fit`, eagerly and compiled whole, and changes just what it should."""

import warnings

import keras
import numpy as np
import pytest
from families import FAMILIES, toy_data

BACKEND = keras.backend.backend()


@pytest.fixture(params=FAMILIES, ids=lambda family: family.name)
def family(request):
    return request.param


def count_traces(model, monkeypatch):
    """Counts how often the Python body of a step runs: once a trace when it is compiled."""
    calls = []
    unpack = model.unpack
    monkeypatch.setattr(model, "unpack", lambda data: calls.append(1) or unpack(data))
    return calls


def test_fit_and_evaluate_give_finite_logs(family):
    """Compiled; `test_compiled_equals_eager` trains eagerly."""
    model = family.make()
    model.compile("adam", jit_compile=True)
    x = toy_data(family)
    history = model.fit(x, batch_size=24, validation_data=(x,), verbose=0).history
    names = list(model.trackers)
    assert sorted(history) == sorted(names + [f"val_{name}" for name in names])
    assert np.isfinite([history[name] for name in history]).all()
    assert np.isfinite(model.evaluate(x, verbose=0)).all()


def test_compiled_whole_and_not_traced_again_in_the_second_epoch(family, monkeypatch):
    """With jit_compile=True XLA refuses what it cannot compile, and torch's tracer warns."""
    model = family.make()
    model.compile("adam", jit_compile=True)
    calls = count_traces(model, monkeypatch)
    x = toy_data(family)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*torch could not trace.*")
        model.fit(x, batch_size=16, epochs=1, validation_data=(x,), verbose=0)
        first = len(calls)
        model.fit(x, batch_size=16, epochs=2, validation_data=(x,), verbose=0)
    assert 0 < first <= 4  # a train and a test step; TensorFlow may trace each twice
    assert len(calls) == first


def test_a_compiled_sampler_is_not_traced_again_for_a_new_seed(family, monkeypatch):
    model = family.make()
    model.compile("adam", jit_compile=True)
    calls = []
    call = keras.layers.Layer.__call__
    monkeypatch.setattr(
        keras.layers.Layer, "__call__", lambda *a, **k: calls.append(1) or call(*a, **k)
    )
    model.sample(4, seed=0)
    first = len(calls)
    model.sample(4, seed=1)
    assert first >= 1
    assert len(calls) == first


def test_compiled_equals_eager(family):
    """The same weights, data and noise: the compiled step and the eager one give the same losses."""
    logs = {}
    x = toy_data(family)
    model = family.make()
    weights, state = model.get_weights(), model.random.state.numpy()
    model.compile(keras.optimizers.Adam(1e-3), run_eagerly=True, jit_compile=False)
    logs["eager"] = model.fit(x, batch_size=16, shuffle=False, verbose=0).history
    twin = type(model).from_config(model.get_config())
    twin.set_weights(weights)
    twin.random.state.assign(state)
    twin.compile(keras.optimizers.Adam(1e-3), jit_compile=True)
    logs["jit"] = twin.fit(x, batch_size=16, shuffle=False, verbose=0).history
    expected = {name: pytest.approx(values, rel=1e-4) for name, values in logs["eager"].items()}
    assert logs["jit"] == expected


@pytest.mark.parametrize("part", ["discriminator", "generator"])
@pytest.mark.parametrize("name", ["gan", "dcgan"])
def test_a_step_changes_the_weights_of_the_part_that_learns_and_no_others(name, part):
    family = next(f for f in FAMILIES if f.name == name)
    model = family.make()
    rates = {other: 0.1 if other == part else 0.0 for other in model.parts}
    model.compile({other: keras.optimizers.SGD(rate) for other, rate in rates.items()})
    before = snapshot(model)
    model.fit(toy_data(family), batch_size=48, verbose=0)
    assert {other for other, values in snapshot(model).items() if changed(before[other], values)} == {
        part
    }


def test_a_step_changes_every_trainable_weight(family):
    model = family.make()
    model.compile(keras.optimizers.Adam(0.01))
    before = snapshot(model)
    # what starts at zero (the last map of a diffusion network) holds the rest back for two steps
    model.fit(toy_data(family), batch_size=48, epochs=4, verbose=0)
    after = snapshot(model)
    frozen = [
        variable.path
        for name, part in model.parts.items()
        for variable, old, new in zip(part.trainable_variables, before[name], after[name], strict=True)
        if np.array_equal(old, new)
    ]
    assert frozen == []


@pytest.mark.parametrize("family", [f for f in FAMILIES if f.loss], ids=lambda family: family.name)
def test_the_loss_falls(family):
    model = family.make()
    model.compile(keras.optimizers.Adam(0.01))
    history = model.fit(toy_data(family), batch_size=16, epochs=20, verbose=0).history[family.loss]
    assert np.mean(history[-3:]) < np.mean(history[:3]) - 0.1


def test_a_last_partial_batch_and_a_batch_of_one(family):
    model = family.make()
    model.compile("adam")
    history = model.fit(toy_data(family, 17), batch_size=16, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())


def snapshot(model):
    return {
        name: [np.array(variable.numpy()) for variable in part.trainable_variables]
        for name, part in model.parts.items()
    }


def changed(before, after):
    return any(not np.array_equal(old, new) for old, new in zip(before, after, strict=True))
