"""Writes down what a family does on one backend: the evidence for every promise, as NumPy arrays.

A family is trained once. `record` gives the arrays of a file `<family>.npz` and saves `<family>.keras`
beside it; `go_on` takes up the file of any backend. Weights and data come from NumPy, noise from kgen's
own generator, so the three backends must write the same.
"""

import gc
import warnings
from pathlib import Path

import keras
import numpy as np
from families import Family, set_numpy_weights

import kgen

Arrays = dict[str, np.ndarray]

STEPS = 8  # of training, before the model is saved
MORE = 2  # after it
BATCH = 16


def record(family: Family, folder: Path, eager: bool = False) -> Arrays:
    """Trains a family for a few steps, asks it everything, and saves it."""
    model = start(family)
    found = predictions(model, family)  # before it is compiled: Keras would have torch compile it
    # No clipping: the moments after one step are the gradients, but for a factor.
    model.compile(keras.optimizers.Adam(1e-3), run_eagerly=eager, jit_compile=compiles(family, eager))
    with Counted(model) as counted, warnings.catch_warnings():
        # XLA refuses what it cannot compile, and torch's tracer warns
        warnings.filterwarnings("error", message=".*torch could not trace.*")
        found |= prefixed("before", trained(model)) | train(model, family, counted)
        found |= prefixed("answer", answers(model, family, counted))
        file = folder / f"{family.name}.keras"
        model.save(file)
        found |= prefixed("saved", state(model))
        found |= prefixed("later", on_with(model, family))
        found["traces"] = np.array(counted.traces)
        found |= prefixed("fallen", long_training(model, family))
    found |= prefixed("loaded", go_on(family, file))
    return found


def go_on(family: Family, file: Path) -> Arrays:
    """Loads what any backend saved, and trains it further."""
    model = keras.saving.load_model(file)
    found = state(model) | {"compiled": np.array(model.compiled)}
    found["samples"] = model.sample(BATCH, seed=5, **asked(family, BATCH))
    return found | prefixed("later", on_with(model, family))


def start(family: Family) -> keras.Model:
    keras.backend.clear_session()
    gc.collect()
    keras.utils.set_random_seed(0)  # the streams of Dropout layers start from it
    model = family.make()
    set_numpy_weights(model)
    return model


def predictions(model: keras.Model, family: Family) -> Arrays:
    """What `predict` gives, and what the same inputs give as tensors."""
    inputs = family.inputs(model, family.batch(BATCH)[0])
    tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, inputs)
    outputs = {"predict": model.predict(inputs, batch_size=BATCH, verbose=0)}
    if keras.backend.backend() == "torch":  # elsewhere op by op is slow, and torch's are the reference
        outputs["call"] = keras.tree.map_structure(keras.ops.convert_to_numpy, model(tensors))
    return {
        f"{k}/{i}": np.asarray(v) for k in outputs for i, v in enumerate(keras.tree.flatten(outputs[k]))
    }


def compiles(family: Family, eager: bool) -> bool:
    """By XLA, or whole on torch; on TensorFlow a plain graph but for one family of each kind."""
    return not eager and (family.xla or keras.backend.backend() != "tensorflow")


def train(model: keras.Model, family: Family, counted: "Counted") -> Arrays:
    """The gradients of the first step, the losses of STEPS steps, and the means of two `evaluate`."""
    batch = family.batch(BATCH * STEPS)
    logs = Losses()
    options = {"batch_size": BATCH, "shuffle": False, "callbacks": [logs], "verbose": 0}
    model.fit(*part(batch, 0, BATCH), **options)
    slots = {f"{i:03d}": value for i, value in enumerate(numbers(model.optimizer.variables))}
    rest = part(batch, BATCH, None)
    history = model.fit(*rest, validation_data=tuple(batch), **options).history
    counted.note()
    model.evaluate(*batch, batch_size=BATCH, verbose=0)
    evaluated = model.evaluate(*batch, batch_size=BATCH, return_dict=True, verbose=0)
    found = prefixed("gradient", slots) | prefixed("weight", trained(model))
    found |= {f"loss/{name}": np.array([log[name] for log in logs.logs]) for name in model.trackers}
    found |= {f"evaluate/{name}": np.array(value) for name, value in evaluated.items()}
    found["names"] = np.array(sorted(history))
    counted.note()
    return found


def answers(model: keras.Model, family: Family, counted: "Counted") -> Arrays:
    """Samples by seed and batch, each endpoint's outputs, and what `predict` gives."""
    given = asked(family, BATCH)
    found = {"samples": model.sample(BATCH, seed=5, **given)}
    counted.note()
    found["again"] = model.sample(BATCH, seed=5, **given)
    found["other seed"] = model.sample(BATCH, seed=6, **given)
    counted.note()
    if family.condition is not None:  # the last of them first
        others = {name: np.roll(value, 1, axis=0) for name, value in given.items()}
        found["of others"] = model.sample(BATCH, seed=5, **others)
    found["fresh"] = np.stack([model.sample(BATCH, **given) for _ in range(2)])
    many = model.sample(BATCH + 3, seed=5, batch_size=BATCH, **asked(family, BATCH + 3))
    found["of many"] = many[:BATCH]
    calls = endpoint_inputs(model, family)
    for name, inputs in calls.items():
        output = getattr(model, name)(*inputs.values())
        found |= {f"{name}/{i}": value for i, value in enumerate(keras.tree.flatten(output))}
    upside_down = [array[::-1].copy() for array in calls["generate"].values()]
    found["upside down"] = model.generate(*upside_down)[::-1]
    return found


def on_with(model: keras.Model, family: Family) -> Arrays:
    batch = part(family.batch(BATCH * (STEPS + MORE)), BATCH * STEPS, None)
    model.fit(*batch, batch_size=BATCH, shuffle=False, verbose=0)
    return state(model)


def long_training(model: keras.Model, family: Family) -> Arrays:
    """The losses of twenty epochs of large steps."""
    model.optimizer.learning_rate = 0.01
    history = model.fit(*family.batch(3 * BATCH), batch_size=BATCH, epochs=20, verbose=0).history
    return {name: np.array(values) for name, values in history.items()}


def endpoint_inputs(model: keras.Model, family: Family) -> dict[str, dict[str, np.ndarray]]:
    """Arrays for every endpoint, by the names of its inputs; drawn by NumPy."""
    x = family.batch(BATCH)[0]
    known = {
        "seed": kgen.random.keys(7, BATCH),
        "labels": np.arange(BATCH, dtype="int32") % 2,
        "given": np.arange(BATCH, dtype="int32") % 4,
        "guidance": np.linspace(0.0, 2.0, BATCH, dtype="float32"),
        "x": x,
    }
    rng = np.random.default_rng(5)

    def value(name, spec):
        if name in known:
            return known[name]
        return rng.normal(size=(BATCH, *spec.shape[1:])).astype("float32")

    return {
        endpoint: {name: value(name, spec) for name, spec in inputs.items()}
        for endpoint, inputs in model.endpoints.items()
    }


def asked(family: Family, n: int) -> dict[str, np.ndarray]:
    """What `sample` takes beside a number and a seed."""
    if family.condition is None:
        return {}
    condition = family.condition(n)
    return condition if isinstance(condition, dict) else {"labels": condition}


class Losses(keras.callbacks.Callback):
    """Keeps the logs of every batch."""

    def __init__(self):
        super().__init__()
        self.logs = []

    def on_train_batch_end(self, batch, logs=None):
        self.logs.append({name: float(value) for name, value in logs.items()})


class Counted:
    """Counts how often the Python of a model's steps and of any layer runs: once a trace."""

    def __init__(self, model: keras.Model):
        self.model = model
        self.counts = [0, 0]
        self.traces: list[list[int]] = []

    def note(self):
        self.traces.append(list(self.counts))

    def __enter__(self):
        self.call, unpack = keras.layers.Layer.__call__, self.model.unpack
        keras.layers.Layer.__call__ = self.counting(1, self.call)
        self.model.unpack = self.counting(0, unpack)
        return self

    def __exit__(self, *exception):
        keras.layers.Layer.__call__ = self.call
        del self.model.unpack

    def counting(self, index, function):
        def counted(*arguments, **options):
            self.counts[index] += 1
            return function(*arguments, **options)

        return counted


def trained(model: keras.Model) -> Arrays:
    """What each part trains, by part and path."""
    return {
        f"{name}/{i:03d} {variable.path}": np.array(variable.numpy())
        for name, layer in model.parts.items()
        for i, variable in enumerate(layer.trainable_variables)
    }


def state(model: keras.Model) -> Arrays:
    """Every variable of a model and of its optimizer, in order."""
    groups = {"model": model.variables, "optimizer": model.optimizer.variables}
    return {
        f"{group}/{i:03d} {variable.name}": np.array(variable.numpy())
        for group, variables in groups.items()
        for i, variable in enumerate(variables)
    }


def numbers(variables) -> list[np.ndarray]:
    return [np.array(variable.numpy()) for variable in variables]


def part(batch: list, start: int, stop: int | None) -> list:
    return [keras.tree.map_structure(lambda a: a[start:stop], value) for value in batch]


def prefixed(prefix: str, arrays: Arrays) -> Arrays:
    return {f"{prefix}/{name}": value for name, value in arrays.items()}
