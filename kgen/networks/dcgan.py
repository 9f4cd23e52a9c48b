"""The convolutional generator and discriminator of DCGAN.

Source: "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks" (Radford et al., 2015), sections 3 and 4: strided convolutions in place of pooling;
BatchNorm everywhere but at the generator's output and the discriminator's input; ReLU in the
generator, tanh at its end; LeakyReLU of slope 0.2 in the discriminator; weights from N(0, 0.02**2).
"""

from collections.abc import Sequence

import keras
from keras import layers

from kgen.layers import BatchNormalization, Conv2D, Conv2DTranspose, Dropout, Normal
from kgen.networks.names import Functional, scoped
from kgen.networks.seeds import layer_seeds
from kgen.networks.shapes import check_whole, coarse_size

# Sampling uses the moving statistics: those of 0.99, Keras' default, lag behind the weights.
_MOMENTUM = 0.9
_STDDEV = 0.02


@scoped
def dcgan_generator(
    latent_dim: int = 100,
    shape: Sequence[int] = (28, 28, 1),
    width: int = 64,
    stages: int = 2,
    kernel_size: int = 4,
    seed: int | None = None,
    name: str = "dcgan_generator",
) -> keras.Model:
    """Builds a generator, latents `(batch, latent_dim)` to images `(batch, *shape)` in [-1, 1].

    Args:
        latent_dim: at least 1.
        shape: (height, width, channels) of an image, multiples of 2**stages.
        width: channels of the largest feature map; each smaller one has twice as many.
        stages: how often the size doubles.
        kernel_size: 4, a multiple of the stride, leaves no checkerboard; the paper has 5.
        seed: of the initial weights, the same on every backend; None: fresh ones.
        name: of the model.

    Raises:
        ValueError: where the shape does not fit the stages.

    >>> dcgan_generator(shape=(32, 32, 3), width=8).output_shape
    (None, 32, 32, 3)
    """
    check_whole(latent_dim=latent_dim)
    height, columns = coarse_size(shape, stages)
    seeds = layer_seeds(seed)
    channels = width * 2 ** (stages - 1)
    inputs = layers.Input((latent_dim,), name="latents")
    x = layers.Dense(
        height * columns * channels,
        use_bias=False,
        kernel_initializer=Normal(_STDDEV, next(seeds)),
        name="input-dense",
    )(inputs)
    x = layers.Reshape((height, columns, channels), name="input-reshape")(x)
    for stage in reversed(range(stages)):
        x = BatchNormalization(momentum=_MOMENTUM, name=f"up_{stage}-batch_norm")(x)
        x = layers.ReLU(name=f"up_{stage}-activation")(x)
        last = stage == 0
        x = Conv2DTranspose(
            shape[-1] if last else width * 2 ** (stage - 1),
            kernel_size,
            strides=2,
            padding="same",
            use_bias=last,  # else the BatchNorm that follows adds one
            activation=keras.activations.tanh if last else None,
            kernel_initializer=Normal(_STDDEV, next(seeds)),
            name=f"up_{stage}-conv",
        )(x)
    return Functional(inputs, x, name=name)


@scoped
def dcgan_discriminator(
    shape: Sequence[int] = (28, 28, 1),
    width: int = 64,
    stages: int = 2,
    kernel_size: int = 4,
    batch_norm: bool = True,
    dropout: float = 0.0,
    seed: int | None = None,
    name: str = "dcgan_discriminator",
) -> keras.Model:
    """Builds a discriminator, images `(batch, *shape)` to one logit each, `(batch, 1)`.

    Args:
        shape: (height, width, channels) of an image, multiples of 2**stages.
        width: channels of the first feature map; each smaller one has twice as many.
        stages: how often the size halves.
        kernel_size: of the convolutions.
        batch_norm: False for a loss with a gradient penalty, which speaks of one example at a time.
        dropout: rate after each stage, in [0, 1).
        seed: of the initial weights, the same on every backend, and of the dropout; None: fresh.
        name: of the model.

    Raises:
        ValueError: where the shape does not fit the stages, or the rate is outside [0, 1).

    >>> dcgan_discriminator(width=8).output_shape
    (None, 1)
    """
    coarse_size(shape, stages)
    seeds = layer_seeds(seed)
    inputs = x = layers.Input(tuple(shape), name="images")
    for stage in range(stages):
        normalised = batch_norm and stage > 0
        x = Conv2D(
            width * 2**stage,
            kernel_size,
            strides=2,
            padding="same",
            use_bias=not normalised,
            kernel_initializer=Normal(_STDDEV, next(seeds)),
            name=f"down_{stage}-conv",
        )(x)
        if normalised:
            x = BatchNormalization(momentum=_MOMENTUM, name=f"down_{stage}-batch_norm")(x)
        x = layers.LeakyReLU(negative_slope=0.2, name=f"down_{stage}-activation")(x)
        if dropout:
            x = Dropout(dropout, seed=next(seeds), name=f"down_{stage}-dropout")(x)
    x = layers.Flatten(name="output-flatten")(x)
    kernel = Normal(_STDDEV, next(seeds))
    outputs = layers.Dense(1, kernel_initializer=kernel, name="output-dense")(x)
    return Functional(inputs, outputs, name=name)
