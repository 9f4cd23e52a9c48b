"""WGAN-GP on Fashion-MNIST: a critic whose slope is held near 1, and its estimate of the distance.

Paper: "Improved Training of Wasserstein GANs" (Gulrajani et al., 2017), algorithm 1; with two critic
steps for each generator step, not five, and a larger learning rate, for fewer steps.
Command: KERAS_BACKEND=tensorflow python recipes/wgan_gp_fashion.py
Time: 8 minutes of CPU time; `--preset base`: 28 minutes.
Target: a Fréchet distance (fashion_classifier, 2,000 samples) below 5.
Measured: 4.45; base 3.26.
"""

from dataclasses import dataclass
from typing import Literal

import kgen

WIDTHS = {"tiny": 24, "base": 64}


@dataclass(frozen=True)
class Config(kgen.runs.Config):
    """The options of this recipe."""

    data: str = "fashion_mini"
    epochs: int = 40
    batch_size: int = 64
    preset: Literal["tiny", "base"] = "tiny"
    """Channels of the largest feature map: 24, or 64 at 3.5 times the cost."""
    latent_dim: int = 64
    """Dimensions of the noise."""
    critic_steps: int = 2
    learning_rate: float = 4e-4
    """Of Adam, for both networks."""
    ema_decay: float = 0.999
    """Of the average of the generator that samples are drawn from."""


def main(config: Config) -> None:
    import keras  # here, so that --help and mistakes in the options are answered at once

    keras.utils.set_random_seed(config.seed)
    run = kgen.runs.Run(config)
    train = config.load("train")
    batches = train.batches(config.batch_size, seed=config.seed, drop_last=True)

    shape, width = train.spec.shape, WIDTHS[config.preset]
    model = kgen.GAN(
        generator=kgen.networks.dcgan_generator(config.latent_dim, shape, width),
        discriminator=kgen.networks.dcgan_discriminator(shape, width, batch_norm=False),
        loss=kgen.gan.Wasserstein(),
        penalties=[kgen.gan.GradientPenalty(10.0)],
        critic_steps=config.critic_steps,
        ema_decay=config.ema_decay,
    )
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate, beta_1=0.0, beta_2=0.9),
        jit_compile=config.jit_compile,
    )

    doctor = kgen.callbacks.Doctor(train.x, path=run.path)
    evaluator = kgen.metrics.Evaluator(
        train, metrics=kgen.metrics.suites.QUICK, samples=2000, bounds=False
    )
    run.restore(model, batches)
    model.fit(
        batches,
        epochs=config.epochs,
        initial_epoch=run.epoch,
        shuffle=False,
        callbacks=run.callbacks(model, watchers=[doctor, kgen.callbacks.Evaluate(evaluator, every=5)]),
    )


if __name__ == "__main__":
    kgen.runs.cli(main, Config)
