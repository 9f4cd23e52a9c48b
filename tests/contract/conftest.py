"""Each family is trained once for many promises: tracing and compiling are most of what they cost."""

import gc
import json
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
from families import FAMILIES, toy_data
from variables import float_weights, trained_weights


@pytest.fixture(scope="session", params=FAMILIES, ids=lambda family: family.name)
def family(request):
    """All tests of one family run one after the other, whichever file they are in."""
    yield request.param
    keras.backend.clear_session()
    gc.collect()


@dataclass(frozen=True)
class Compiled:
    """A model compiled whole, and what came of its training."""

    model: keras.Model
    twin: keras.Model  # as the model was before
    history: dict[str, list[float]]  # one epoch, not shuffled
    weights: list[np.ndarray]  # after it
    evaluation: list[float]
    step_traces: tuple[int, int]  # calls of its steps' Python: after that epoch, after two more
    sampler_traces: tuple[int, int]  # calls of its layers' Python: after one sample, after two


@pytest.fixture(scope="session")
def compiled(family):
    """Three epochs with jit_compile=True; the tests of sampling use the model, too: change nothing."""
    keras.utils.set_random_seed(0)
    model = family.make()
    twin = type(model).from_config(model.get_config())
    twin.set_weights(model.get_weights())
    model.compile(keras.optimizers.Adam(1e-3, clipnorm=1.0), jit_compile=True)
    calls, unpack = [], model.unpack
    model.unpack = lambda data: calls.append(1) or unpack(data)  # its Python runs once a trace
    x = toy_data(family)
    options = {"batch_size": 16, "shuffle": False, "validation_data": (x,), "verbose": 0}
    with warnings.catch_warnings():  # XLA refuses what it cannot compile, and torch's tracer warns
        warnings.filterwarnings("error", message=".*torch could not trace.*")
        history = model.fit(x, **options).history
        first, weights = len(calls), float_weights(model)
        model.fit(x, epochs=2, **options)
        evaluation = model.evaluate(x, batch_size=16, verbose=0)
    traces = (first, len(calls)), layer_calls_of_two_samples(model)
    return Compiled(model, twin, history, weights, evaluation, *traces)


def layer_calls_of_two_samples(model):
    calls, call = [], keras.layers.Layer.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.layers.Layer, "__call__", lambda *a, **k: calls.append(1) or call(*a, **k))
        model.sample(16, seed=0)
        first = len(calls)
        model.sample(16, seed=1)
    return first, len(calls)


@dataclass(frozen=True)
class Trained:
    """A model compiled as `compile` does by itself, and what came of its training."""

    model: keras.Model
    before: dict[str, list[np.ndarray]]  # the weights that each part trains
    after: dict[str, list[np.ndarray]]  # four steps later
    history: dict[str, list[float]]  # twenty epochs


@pytest.fixture(scope="session")
def trained(family):
    """Tests may train the model further."""
    keras.utils.set_random_seed(0)
    model = family.make()
    model.compile(keras.optimizers.Adam(0.01, clipnorm=1.0))
    before = trained_weights(model)
    x = toy_data(family)
    # what starts at zero (the last map of a diffusion network) holds the rest back for two steps
    history = model.fit(x[:32], batch_size=16, epochs=2, verbose=0).history
    after = trained_weights(model)
    rest = model.fit(x, batch_size=16, epochs=18, verbose=0).history
    return Trained(model, before, after, {name: history[name] + rest[name] for name in history})


@pytest.fixture(scope="session")
def resume():
    """Has another process go on with a saved model for two epochs; gives all variables afterwards."""
    script = Path(__file__).with_name("resume.py")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, script], env=environment, **pipes) as process:

        def resume(name, file):
            result = file.with_suffix(".npz")
            print(json.dumps([name, str(file), str(result)]), file=process.stdin, flush=True)
            assert process.stdout.readline() == f"resumed {name}\n"
            with np.load(result) as values:
                return [values[key] for key in values.files]

        yield resume
        process.stdin.close()
