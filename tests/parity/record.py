"""Trains every family for a few steps on one backend and writes down all that comes out.

Run as `KERAS_BACKEND=... python record.py FOLDER`: writes FOLDER/<backend>/<family>.npz and .keras.
Weights and data come from NumPy; the noise from kgen's own generator, which is the same everywhere.
"""

import sys
from pathlib import Path

import keras
import numpy as np
from families import FAMILIES, PARITY_ONLY, Family, set_numpy_weights, toy_data
from keras import ops

import kgen
from kgen import backend

STEPS = 8


def record(family: Family, folder: Path) -> dict[str, np.ndarray]:
    """Gradients of the first losses, losses of STEPS steps, weights after them, samples."""
    keras.utils.set_random_seed(0)  # the streams of Dropout layers start from it
    model = family.make()
    set_numpy_weights(model)
    results = {f"gradient/{k}": v for k, v in gradients(model, *data(family, 16)).items()}
    set_numpy_weights(model)
    # What is in the contract suite is compared there with what XLA and torch's tracer make of it.
    jit_compile = True if family in PARITY_ONLY else "auto"
    model.compile(keras.optimizers.Adam(1e-3, clipnorm=1.0), jit_compile=jit_compile)
    x_y = data(family, 16 * STEPS)
    history = Losses()
    model.fit(*x_y, batch_size=16, shuffle=False, callbacks=[history], verbose=0)
    for name in model.trackers:
        results[f"loss/{name}"] = np.array([logs[name] for logs in history.logs])
    results["samples"] = model.sample(16, seed=5)
    for name, value in model.evaluate(*x_y, batch_size=16, return_dict=True, verbose=0).items():
        results[f"evaluate/{name}"] = np.array(value)
    results |= {f"weight/{i:03d}": v.numpy() for i, v in enumerate(model.weights)}
    model.save(folder / f"{family.name}.keras")
    return results


def data(family: Family, n: int) -> list[np.ndarray]:
    """Examples, and labels where the family is told some."""
    x = toy_data(family, n)
    return [x] if family.classes is None else [x, np.arange(n, dtype="int32") % family.classes]


def gradients(model: keras.Model, x: np.ndarray, *labels: np.ndarray) -> dict[str, np.ndarray]:
    """The gradient of each part's loss with respect to its weights, before any step."""
    found = {}
    for name, part in model.parts.items():
        variables = part.trainable_variables
        _, values = backend.value_and_grad(lambda: (loss_of(model, name, x, *labels), None), variables)  # noqa: B023
        found |= {f"{name}/{i:03d}": ops.convert_to_numpy(g) for i, g in enumerate(values)}
    return found


def loss_of(model: keras.Model, part: str, x: np.ndarray, *labels: np.ndarray):
    x, *labels = map(ops.convert_to_tensor, (x, *labels))
    if part != "model":
        return getattr(model, f"{part}_loss")(x, *labels)
    keys = model.random.next_keys(like=x)
    if isinstance(model, kgen.Flow):
        return ops.mean(model.losses_of(x, None, keys))
    if isinstance(model, kgen.Diffusion | kgen.Autoregressive):
        return ops.mean(model.losses_of(x, None, keys, training=True))
    log_likelihood, kl = model.elbo_terms(x, keys, training=True)
    return ops.mean(model.beta * kl - log_likelihood)


class Losses(keras.callbacks.Callback):
    """Keeps the logs of every batch."""

    def __init__(self):
        super().__init__()
        self.logs = []

    def on_train_batch_end(self, batch, logs=None):
        self.logs.append({name: float(value) for name, value in logs.items()})


if __name__ == "__main__":
    folder = Path(sys.argv[1]) / keras.backend.backend()
    folder.mkdir(parents=True)
    for family in [*FAMILIES, *PARITY_ONLY]:
        np.savez(folder / f"{family.name}.npz", **record(family, folder))
