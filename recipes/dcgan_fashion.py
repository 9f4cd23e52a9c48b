"""A DCGAN on Fashion-MNIST: recognisable clothes in minutes.

Paper: "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks"
(Radford et al., 2015); Adam's rate is twice theirs, for fewer steps.
Command: KERAS_BACKEND=tensorflow python recipes/dcgan_fashion.py
Time: about 7 minutes on 2 CPU cores.
Target: a Fréchet distance of pixels below 20 (the test images: 5.0; the samples of vae_fashion: 33).
Measured: 17.6.
"""

from dataclasses import dataclass

import numpy as np

import kgen


@dataclass(frozen=True)
class Config(kgen.recipe.Config):
    """The options of this recipe."""

    data: str = "fashion_mini"
    epochs: int = 40
    batch_size: int = 64
    latent_dim: int = 64
    """Dimensions of the noise."""
    width: int = 32
    """Channels of the largest feature map; the next one has twice as many."""
    learning_rate: float = 4e-4
    """Of Adam, for both networks."""
    beta_1: float = 0.5
    """Of Adam."""
    ema_decay: float = 0.999
    """Of the average of the generator that samples are drawn from."""


def frechet(samples: np.ndarray, images: np.ndarray) -> float:
    """Fréchet distance between normal distributions fitted to the pixels of two sets of images."""
    a, b = (x.reshape(len(x), -1).astype("float64") for x in (samples, images))
    means, covariances = a.mean(axis=0) - b.mean(axis=0), (np.cov(a.T), np.cov(b.T))
    product = np.linalg.eigvals(covariances[0] @ covariances[1]).real.clip(0)
    return means @ means + np.trace(sum(covariances)) - 2 * np.sqrt(product).sum()


def main(config: Config) -> None:
    import keras  # here, so that --help and mistakes in the options are answered at once

    keras.utils.set_random_seed(config.seed)
    run = kgen.run.Run(config)
    train = config.load("train")
    batches = train.batches(config.batch_size, seed=config.seed, drop_last=True)

    shape = train.spec.shape
    model = kgen.GAN(
        generator=kgen.networks.dcgan_generator(config.latent_dim, shape, config.width),
        discriminator=kgen.networks.dcgan_discriminator(shape, config.width),
        ema_decay=config.ema_decay,
    )
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate, beta_1=config.beta_1),
        jit_compile=config.jit_compile,
    )

    run.restore(model, batches)
    model.fit(
        batches,
        epochs=config.epochs,
        initial_epoch=run.epoch,
        shuffle=False,
        callbacks=run.callbacks(
            model, samples=2000, evaluate=lambda x: {"frechet": frechet(x, train.x)}
        ),
    )


if __name__ == "__main__":
    kgen.recipe.cli(main, Config)
