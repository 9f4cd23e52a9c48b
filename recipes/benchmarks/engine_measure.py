"""Measures kgen against a hand-written twin, on the backend of this process; see `engine.py`.

One epoch of `model.fit` is one block of steps; between two epochs the twin runs its own block. So
both meet the same neighbours on the machine, and every pair of blocks gives one ratio.
"""

import importlib
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import engine_common as common
import keras
import numpy as np
from shared import clocks

import kgen

_NETWORKS = {"dcgan": ("generator", "discriminator"), "vae": ("encoder", "decoder")}
_LOSSES = {"dcgan": "discriminator_loss", "vae": "loss"}
_TOLERANCE = 1e-4  # of the losses, relative to values above 1
_CHECKED_STEPS = 3
_MEMORY_BATCH = 16  # what leaks, leaks by the step, and small steps are soon done
_MEMORY_EPOCH = 100


def build(name: str, jit: bool) -> kgen.GenerativeModel:
    """Makes and compiles kgen's model, with the networks of the recipes."""
    if name == "dcgan":
        model = kgen.GAN(
            kgen.networks.dcgan_generator(common.DCGAN_LATENT, width=common.WIDTH),
            kgen.networks.dcgan_discriminator(width=common.WIDTH),
        )
    else:
        model = kgen.VAE(
            kgen.networks.conv_encoder(latent_dim=common.VAE_LATENT, width=common.WIDTH),
            kgen.networks.conv_decoder(common.VAE_LATENT, width=common.WIDTH),
        )
    rate, beta_1 = common.ADAM[name]
    model.compile(keras.optimizers.Adam(rate, beta_1=beta_1), jit_compile=jit)
    return model


def measure(name: str, jit: bool, blocks: int, steps: int, memory_steps: int) -> dict[str, Any]:
    """Compares the two versions of a model: one row of the table."""
    framework = importlib.import_module(f"engine_{keras.backend.backend()}")
    images = smooth_images(steps)
    model, twin, seconds = _first_steps(framework, name, jit, images)
    fit(model, images, epochs=1)  # the second step and the warm-up of both
    run(twin, images)
    race = Race(twin, images)
    fit(model, images, epochs=blocks, callbacks=[race])
    ratios = [theirs[0] / ours[0] for ours, theirs in race.pairs]
    return {
        "backend": keras.backend.backend(),
        "model": name,
        "mode": mode(jit),
        "kgen": steps / statistics.median(ours[0] for ours, _ in race.pairs),
        "twin": steps / statistics.median(theirs[0] for _, theirs in race.pairs),
        "ratio": statistics.median(ratios),
        "range": [min(ratios), max(ratios)],
        "cpu_ratio": statistics.median(theirs[1] / ours[1] for ours, theirs in race.pairs),
        "first": seconds,
        "growth_mb": _memory_growth(model, memory_steps),
    }


class Race(keras.callbacks.Callback):
    """Times every epoch of kgen, and a block of the twin after each.

    `pairs` holds both times of each pair of blocks: seconds on the wall, seconds of CPU time.
    """

    def __init__(self, twin: common.Twin, images: np.ndarray) -> None:
        super().__init__()
        self.twin, self.images = twin, images
        self.pairs: list[tuple[np.ndarray, np.ndarray]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts kgen's clocks."""
        self.start = clocks()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stops kgen's clocks (the logs are numbers by now, so the steps have ended)."""
        middle = clocks()
        run(self.twin, self.images)
        self.pairs.append((middle - self.start, clocks() - middle))


class Memory(keras.callbacks.Callback):
    """Takes down the resident memory after each epoch, in MB (of Linux only)."""

    def __init__(self) -> None:
        super().__init__()
        self.megabytes: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Reads /proc."""
        status = Path("/proc/self/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        self.megabytes.append(int(line.split()[1]) / 1024)


def fit(
    model: kgen.GenerativeModel,
    images: np.ndarray,
    epochs: int,
    batch: int = common.BATCH,
    callbacks: list[keras.callbacks.Callback] | None = None,
) -> dict[str, list[float]]:
    """Calls `model.fit` without shuffling: the twin takes the same slices of the same array."""
    history = model.fit(
        images, batch_size=batch, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks
    )
    return history.history


def mode(jit: bool) -> str:
    """The name of a way to run, for the table."""
    names = {
        "tensorflow": ("graph", "XLA"),
        "jax": ("", "jit"),
        "torch": ("eager", "traced (vs eager)"),
    }
    return names[keras.backend.backend()][jit]


def _first_steps(
    framework: Any, name: str, jit: bool, images: np.ndarray
) -> tuple[kgen.GenerativeModel, common.Twin, list[float]]:
    """Builds both, checks that they compute the same, and times each up to its first loss."""
    batch = images[: common.BATCH]
    _warm_up()
    start = time.perf_counter()
    model = build(name, jit)
    built = time.perf_counter() - start
    weights = {network: weights_of(getattr(model, network)) for network in _NETWORKS[name]}
    losses, seconds = _kgen_losses(model, name, batch)

    start = time.perf_counter()
    twin = framework.build(name, jit)
    twin.step(batch)
    twin.means()
    twin_seconds = time.perf_counter() - start
    twin.load(weights)
    for step, (expected, noise) in enumerate(losses):
        loss = twin.update(batch, noise)
        if abs(loss - expected) > _TOLERANCE * max(1.0, abs(expected)):
            raise AssertionError(f"{name}: the versions differ at step {step}: {loss}, kgen {expected}")
    return model, twin, [built + seconds, twin_seconds]


def _kgen_losses(
    model: kgen.GenerativeModel, name: str, batch: np.ndarray
) -> tuple[list[tuple[float, list[np.ndarray]]], float]:
    """The losses of kgen's first steps, with the noise of each, and the seconds of the first."""
    losses, seconds = [], []
    for _ in range(_CHECKED_STEPS):
        noise = next_noise(model, *common.DRAWS[name])
        start = time.perf_counter()
        history = fit(model, batch, epochs=1)
        seconds.append(time.perf_counter() - start)
        losses.append((history[_LOSSES[name]][0], noise))
    return losses, seconds[0]


def next_noise(model: kgen.GenerativeModel, draws: int, size: int) -> list[np.ndarray]:
    """The normal noise that the model is about to draw."""
    noise = (kgen.random.normal(keys, (size,)) for keys in next_keys(model, draws))
    return [np.array(keras.ops.convert_to_numpy(z)) for z in noise]


def next_keys(model: kgen.GenerativeModel, draws: int) -> list[Any]:
    """The keys of the next draws for a batch, from the state of the model's stream."""
    *word, count = keras.ops.convert_to_numpy(model.random.state)
    keys = (kgen.random.fold_in(np.array(word), np.array(count + i)) for i in range(draws))
    return [kgen.random.per_example(key, common.BATCH) for key in keys]


def weights_of(network: keras.Model) -> common.Weights:
    trained, rest = (
        [np.array(keras.ops.convert_to_numpy(v)) for v in variables]
        for variables in (network.trainable_variables, network.non_trainable_variables)
    )
    return common.Weights(trained, rest)


def run(twin: common.Twin, images: np.ndarray) -> None:
    """The loop that one writes by hand around a step."""
    for start in range(0, len(images), common.BATCH):
        twin.step(images[start : start + common.BATCH])
    twin.means()


def _memory_growth(model: kgen.GenerativeModel, steps: int) -> float | None:
    """By how many MB the process grows during these steps, after as many as an epoch has."""
    epochs = steps // _MEMORY_EPOCH
    if not epochs:
        return None
    memory = Memory()
    images = smooth_images(_MEMORY_EPOCH)[: _MEMORY_EPOCH * _MEMORY_BATCH]
    fit(model, images, epochs=1 + epochs, batch=_MEMORY_BATCH, callbacks=[memory])
    return memory.megabytes[-1] - memory.megabytes[0]


def smooth_images(steps: int) -> np.ndarray:
    """Smooth grey spots in [-1, 1]: what an image holds does not change how long a step takes."""
    rng = np.random.default_rng(0)
    centre = rng.uniform(8, 20, (steps * common.BATCH, 2, 1)).astype("float32")
    square = (np.arange(28, dtype="float32") - centre) ** 2
    distance = square[:, 0, :, None] + square[:, 1, None, :]
    return 2.0 * np.exp(-distance / 18.0)[..., None] - 1.0


def _warm_up() -> None:
    """Starts the framework's threads and compilers, so that neither version's first step pays."""
    model = kgen.VAE(kgen.networks.mlp(2, 4), kgen.networks.mlp(2, 2), kgen.vae.Gaussian())
    model.compile(jit_compile=True)
    model.fit(np.zeros((8, 2), "float32"), verbose=0)


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    with Path(task.pop("result")).open("w") as file:
        json.dump(measure(**task), file)
