"""Measures kgen's GANs on the backend of this process; see `gan.py`.

PyTorch runs in the same process, whatever kgen's backend is: so all meet the same neighbours on the
machine, and each round of blocks gives one ratio.
"""

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import engine_common as common
import engine_measure as engine
import gan_torch as plain
import keras
import numpy as np
from shared import clocks

import kgen

_TOLERANCE = 1e-4  # of the losses, relative to values above 1
_CHECKED_STEPS = 2


def build(name: str, jit: bool) -> kgen.GAN:
    """Makes and compiles kgen's model."""
    if name == "dcgan":
        return engine.build(name, jit)
    model = kgen.GAN(
        kgen.networks.dcgan_generator(common.DCGAN_LATENT, width=common.WIDTH),
        kgen.networks.dcgan_discriminator(width=common.WIDTH, batch_norm=False),
        kgen.gan.Wasserstein(),
        [kgen.gan.GradientPenalty(plain.PENALTY)],
        critic_steps=plain.CRITIC_STEPS,
    )
    rate, beta_1 = common.ADAM[name]
    model.compile(keras.optimizers.Adam(rate, beta_1=beta_1), jit_compile=jit)
    return model


def measure(name: str, jit: bool, blocks: int, steps: int, compiled: bool) -> dict[str, Any]:
    """Compares kgen with plain PyTorch, eager and compiled: one row of the table."""
    images = engine.smooth_images(steps)
    model = build(name, jit)
    kinds = {"eager": False, "compiled": True} if compiled else {"eager": False}
    twins = {kind: plain.build(name, kinds[kind]) for kind in kinds}
    check(model, name, twins, images[: common.BATCH])
    engine.fit(model, images, epochs=1, callbacks=[Race(twins, images)])  # warms all up
    race = Race(twins, images)
    engine.fit(model, images, epochs=blocks, callbacks=[race])
    seconds = {kind: np.array(times) for kind, times in race.seconds.items()}
    return {
        "model": name,
        "rates": {kind: steps / statistics.median(times[:, 0]) for kind, times in seconds.items()},
        "ratios": {kind: _ratio(seconds[kind], seconds["kgen"]) for kind in kinds},
    }


def check(model: kgen.GAN, name: str, twins: dict[str, common.Twin], batch: np.ndarray) -> None:
    """Takes some steps from the same weights with the same noise: the losses must agree."""
    weights = {part: engine.weights_of(network) for part, network in model.parts.items()}
    for twin in twins.values():
        twin.load(weights)
    for step in range(_CHECKED_STEPS):
        noise = _next_noise(model, name)
        expected = engine.fit(model, batch, epochs=1)["discriminator_loss"][0]
        for kind, twin in twins.items():
            loss = twin.update(batch, noise)
            if not abs(loss - expected) <= _TOLERANCE * max(1.0, abs(expected)):
                raise AssertionError(f"{name}, {kind}, step {step}: {loss}, kgen {expected}")


class Race(keras.callbacks.Callback):
    """Times every epoch of kgen, and a block of each twin after it.

    `seconds` holds those of each block, on the wall and of CPU time, by the name of who ran it.
    """

    def __init__(self, twins: dict[str, common.Twin], images: np.ndarray) -> None:
        super().__init__()
        self.twins, self.images = twins, images
        self.seconds: dict[str, list[np.ndarray]] = {name: [] for name in ("kgen", *twins)}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts kgen's clocks."""
        self.start = clocks()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stops kgen's clocks (the logs are numbers by now, so the steps have ended)."""
        self.seconds["kgen"].append(clocks() - self.start)
        for name, twin in self.twins.items():
            start = clocks()
            engine.run(twin, self.images)
            self.seconds[name].append(clocks() - start)


def _next_noise(model: kgen.GAN, name: str) -> list[np.ndarray]:
    """The noise that the model is about to draw, in the order in which it does."""
    if name == "dcgan":
        return engine.next_noise(model, *common.DRAWS[name])
    count = 2 * plain.CRITIC_STEPS + 1  # latents and a share for each critic step, then latents
    draws = []
    for i, keys in enumerate(engine.next_keys(model, count)):
        latents = kgen.random.normal(keys, (common.DCGAN_LATENT,))
        draws.append(kgen.random.uniform(keys, (1, 1, 1)) if i % 2 else latents)
    return [np.array(keras.ops.convert_to_numpy(draw)) for draw in draws]


def _ratio(slower: np.ndarray, faster: np.ndarray) -> list[float]:
    """The median, least and largest ratio of the rounds on the wall, and the median in CPU time."""
    wall, cpu = (slower / faster).T
    return [float(f(wall)) for f in (np.median, np.min, np.max)] + [float(np.median(cpu))]


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    result = Path(task.pop("result"))
    result.write_text(json.dumps(measure(**task)))
