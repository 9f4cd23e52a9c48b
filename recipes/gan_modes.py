"""How many modes a GAN keeps, and what makes it keep them: PacGAN's ring of 8 and grid of 25.

Paper: "PacGAN: The power of two samples in generative adversarial networks" (Lin et al., 2018), section
4.1: GAN 6.3 and PacGAN2 7.9 modes of the ring, GAN 17.3 and PacGAN4 24.8 of the grid (93.6 %, KL 0.04).
Command: KERAS_BACKEND=jax python recipes/gan_modes.py [--quick] [--data grid25] [--method gan]
Time: ten runs in one program, `ours`, ring: 2.2 minutes on an H200; --quick: 1 minute of CPU time.
Target: all 8 (with --data grid25 all 25) modes and 95 % of the samples within 3 sigma, by `ours`.
Measured: 8.0 ± 0.0 modes, 97.6 ± 1.2 %, KL 0.002, and 25.0 ± 0.0, 98.9 ± 0.1 %, KL 0.014: README.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

import kgen

RATES = {"ring8": 1e-3, "grid25": 2e-3}  # of `ours`; at 2e-3 one of ten runs on the ring diverged


@dataclass(frozen=True)
class Config(kgen.runs.Config):
    """The options of this recipe."""

    data: Literal["ring8", "grid25"] = "ring8"
    examples: int = 100_000
    epochs: int = 400
    batch_size: int = 100
    """Packs in each step."""
    method: Literal["gan", "pacgan2", "pacgan3", "pacgan4", "wgan_gp", "unrolled", "ours"] = "ours"
    runs: int | None = None  # default: ten, with --quick one
    quick: bool = False
    """20 epochs with a fifth of the width and ten times the paper's learning rate."""


def method(name: str, width: int) -> dict[str, Any]:
    """The arguments of `kgen.GAN`; the paper's networks but for ours, which needs no BatchNorm."""
    gan, nets = kgen.gan, kgen.networks
    packing = int(name[-1]) if name.startswith("pacgan") else 1
    mlps = {"generator": nets.mlp(2, 2, [128] * 3), "discriminator": nets.mlp(2, 1, [128] * 3)}
    discriminator = nets.pacgan_discriminator(2 * packing, width)
    paper = {"generator": nets.pacgan_generator(width=2 * width), "discriminator": discriminator}
    penalty = {"loss": gan.Wasserstein(), "penalties": [gan.GradientPenalty()], "critic_steps": 5}
    pairs = {"loss": gan.RelativisticPairing(), "penalties": [gan.R1(0.02), gan.R2(0.02)]}
    return {
        "wgan_gp": paper | penalty,
        "unrolled": paper | {"unrolling": gan.Unrolling(steps=5, rate=0.01)},
        "ours": mlps | pairs | {"ema_decay": 0.999},
    }.get(name, paper | {"packing": packing})


def main(config: Config) -> None:
    import keras  # here, so that --help and mistakes in the options are answered at once

    names = ("modes_covered", "high_quality_share", "mode_reverse_kl")
    mixture, models, data = kgen.data.toys.TOYS[config.data], [], []
    if config.data == "ring8":  # the paper's has radius 1 and sigma 0.01
        mixture = replace(mixture, modes=mixture.modes / 2, scale=0.01)
    runs = config.runs or (1 if config.quick else 10)
    epochs = min(config.epochs, 20) if config.quick else config.epochs
    for seed in range(config.seed, config.seed + runs):
        keras.utils.set_random_seed(seed)
        models.append(model := kgen.GAN(**method(config.method, 40 if config.quick else 200)))
        x = mixture.sample(config.examples * model.packing, seed=seed)  # as many steps, packed or not
        data.append(kgen.data.Batches(x, None, config.batch_size * model.packing, seed, drop_last=True))
        falling = keras.optimizers.schedules.CosineDecay(RATES[config.data], epochs * len(data[-1]))
        rate = (falling, 0.0) if config.method == "ours" else (1e-3 if config.quick else 1e-4, 0.8)
        model.compile(keras.optimizers.Adam(*rate), jit_compile=config.jit_compile)

    def show(_: Any) -> None:
        samples = (model.sample(2500, seed=config.seed) for model in models)
        rows = [[getattr(kgen.metrics, n)(x, mixture).value for n in names] for x in samples]
        print(f"{config.method}, {config.data}, {runs} run(s), {', '.join(names)}:")
        print(np.mean(rows, 0).round(3), "±", (np.std(rows, 0) / max(runs - 1, 1) ** 0.5).round(3))

    show(kgen.fit_together(models, data, epochs))  # on JAX one program trains all runs


if __name__ == "__main__":
    kgen.runs.cli(main, Config)
