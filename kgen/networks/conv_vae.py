"""A convolutional encoder and decoder for variational autoencoders on small images."""

from collections.abc import Sequence

import keras
from keras import layers

from kgen.layers import Conv2D, Conv2DTranspose, GlorotUniform
from kgen.networks.names import Functional, scoped
from kgen.networks.seeds import layer_seeds
from kgen.networks.shapes import check_whole, coarse_size


@scoped
def conv_encoder(
    shape: Sequence[int] = (28, 28, 1),
    latent_dim: int = 16,
    width: int = 32,
    stages: int = 2,
    seed: int | None = None,
    name: str = "conv_encoder",
) -> keras.Model:
    """Builds an encoder, images `(batch, *shape)` to `(batch, 2 * latent_dim)`, linear.

    The outputs are the means and the log-variances of a diagonal normal, in this order.

    Args:
        shape: (height, width, channels) of an image, multiples of 2**stages.
        latent_dim: at least 1.
        width: channels of the first feature map; each smaller one has twice as many.
        stages: how often the size halves.
        seed: of the initial weights, the same on every backend; None: fresh ones.
        name: of the model.

    Raises:
        ValueError: where the shape does not fit the stages.

    >>> conv_encoder(latent_dim=8, width=4).output_shape
    (None, 16)
    """
    check_whole(latent_dim=latent_dim)
    coarse_size(shape, stages)
    seeds = layer_seeds(seed)
    inputs = x = layers.Input(tuple(shape), name="images")
    for stage in range(stages):
        x = Conv2D(
            width * 2**stage,
            4,
            strides=2,
            padding="same",
            activation=keras.activations.relu,
            kernel_initializer=GlorotUniform(next(seeds)),
            name=f"down_{stage}-conv",
        )(x)
    x = _dense(8 * width, next(seeds), "hidden-dense")(layers.Flatten(name="hidden-flatten")(x))
    kernel = GlorotUniform(next(seeds))
    outputs = layers.Dense(2 * latent_dim, kernel_initializer=kernel, name="output")(x)
    return Functional(inputs, outputs, name=name)


@scoped
def conv_decoder(
    latent_dim: int = 16,
    shape: Sequence[int] = (28, 28, 1),
    channels_out: int | None = None,
    width: int = 32,
    stages: int = 2,
    seed: int | None = None,
    name: str = "conv_decoder",
) -> keras.Model:
    """Builds a decoder, `(batch, latent_dim)` to `(batch, height, width, channels_out)`, linear.

    Args:
        latent_dim: at least 1.
        shape: (height, width, channels) of an image, multiples of 2**stages.
        channels_out: outputs a pixel; None: the image's channels. A likelihood with a mean and a
            scale needs twice as many.
        width: channels of the largest feature map; each smaller one has twice as many.
        stages: how often the size doubles.
        seed: of the initial weights, the same on every backend; None: fresh ones.
        name: of the model.

    Raises:
        ValueError: where the shape does not fit the stages.

    >>> conv_decoder(8, channels_out=2, width=4).output_shape
    (None, 28, 28, 2)
    """
    check_whole(latent_dim=latent_dim)
    height, columns = coarse_size(shape, stages)
    seeds = layer_seeds(seed)
    channels = width * 2 ** (stages - 1)
    inputs = layers.Input((latent_dim,), name="latents")
    x = _dense(8 * width, next(seeds), "hidden_0-dense")(inputs)
    x = _dense(height * columns * channels, next(seeds), "hidden_1-dense")(x)
    x = layers.Reshape((height, columns, channels), name="hidden_1-reshape")(x)
    for stage in reversed(range(stages)):
        last = stage == 0
        x = Conv2DTranspose(
            (channels_out or shape[-1]) if last else width * 2 ** (stage - 1),
            4,
            strides=2,
            padding="same",
            activation=None if last else keras.activations.relu,
            kernel_initializer=GlorotUniform(next(seeds)),
            name=f"up_{stage}-conv",
        )(x)
    return Functional(inputs, x, name=name)


def _dense(units: int, seed: int, name: str) -> keras.layers.Layer:
    return layers.Dense(
        units, activation=keras.activations.relu, kernel_initializer=GlorotUniform(seed), name=name
    )
