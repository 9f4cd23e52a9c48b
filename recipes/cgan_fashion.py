"""A conditional GAN on Fashion-MNIST: the kind of clothing is asked for by its label.

Paper: "cGANs with Projection Discriminator" (Miyato and Koyama, 2018), whose discriminator and hinge
loss it has; the generator has the label's embedding beside the noise (Mirza and Osindero, 2014).
Command: KERAS_BACKEND=tensorflow python recipes/cgan_fashion.py
Time: 10 minutes of CPU time; `--preset base`: 30 minutes.
Target: the evaluation classifier agrees with the label of 95 % of the samples.
Measured: 97.3 % at temperature 0.6, Fréchet distance 0.88 to the training images. At temperature 1:
93.1 % ± 0.6 %, as of the real test images (classifier.py), and 0.37. Base, at 0.6: 99.0 % and 0.67.
"""

from dataclasses import dataclass
from typing import Literal

import kgen

WIDTHS = {"tiny": 24, "base": 64}


@dataclass(frozen=True)
class Config(kgen.runs.Config):
    """The options of this recipe."""

    data: str = "fashion_mini"
    epochs: int = 100
    batch_size: int = 64
    preset: Literal["tiny", "base"] = "tiny"
    """Channels of the largest feature map: 24, or 64 at three times the cost."""
    latent_dim: int = 64
    """Dimensions of the noise."""
    learning_rate: float = 4e-4
    """Of Adam, for both networks."""
    ema_decay: float = 0.999
    """Of the average of the generator that samples are drawn from."""
    temperature: float = 0.6
    """By which the noise of a sample is multiplied."""


def main(config: Config) -> None:
    import keras  # here, so that --help and mistakes in the options are answered at once

    keras.utils.set_random_seed(config.seed)
    run = kgen.runs.Run(config)
    train = config.load("train")
    batches = train.batches(config.batch_size, config.seed, drop_last=True, labels=True)

    shape, width = train.spec.shape, WIDTHS[config.preset]
    classes, embedding = len(train.spec.classes), 16
    generator = kgen.networks.dcgan_generator(config.latent_dim + embedding, shape, width)
    discriminator = kgen.networks.dcgan_discriminator(shape, width)
    model = kgen.GAN(
        generator=kgen.networks.with_labels(generator, classes, embedding),
        discriminator=kgen.networks.with_projection(discriminator, classes),
        loss=kgen.gan.Hinge(),
        classes=classes,
        ema_decay=config.ema_decay,
        temperature=config.temperature,
    )
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate, beta_1=0.5),
        jit_compile=config.jit_compile,
    )

    doctor = kgen.callbacks.Doctor(train.x, train.y, path=run.path)
    suites = kgen.metrics.suites
    metrics = (suites.frechet, suites.by_class)
    evaluator = kgen.metrics.Evaluator(train, metrics=metrics, samples=2000, bounds=False)
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
