"""The networks of PacGAN's experiments in the plane, in which the coverage of modes is compared.

Source: "PacGAN: The power of two samples in generative adversarial networks" (Lin et al., 2018),
section 4.1 and its published code: weights from N(0, 0.02**2).
"""

import keras
from keras import layers

from kgen.layers import Maxout, Normal
from kgen.networks.names import Functional, scoped
from kgen.networks.seeds import layer_seeds

_STDDEV = 0.02


@scoped
def pacgan_generator(
    latent_dim: int = 2,
    output_dim: int = 2,
    width: int = 400,
    depth: int = 4,
    seed: int | None = None,
    name: str = "pacgan_generator",
) -> keras.Model:
    """Builds a perceptron with BatchNorm and ReLU, `(batch, latent_dim)` to `(batch, output_dim)`.

    Args:
        latent_dim: at least 1.
        output_dim: at least 1.
        width: units of each hidden layer.
        depth: hidden layers.
        seed: of the initial weights, the same on every backend; None: fresh ones.
        name: of the model.

    >>> pacgan_generator(width=8).output_shape
    (None, 2)
    """
    seeds = layer_seeds(seed)
    inputs = x = layers.Input((latent_dim,), name="latents")
    for index in range(depth):
        part = f"hidden_{index}"
        x = _dense(width, next(seeds), f"{part}-dense", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.95, name=f"{part}-batch_norm")(x)
        x = layers.ReLU(name=f"{part}-activation")(x)
    outputs = _dense(output_dim, next(seeds), "output")(x)
    return Functional(inputs, outputs, name=name)


@scoped
def pacgan_discriminator(
    input_dim: int = 2,
    width: int = 200,
    depth: int = 3,
    pieces: int = 5,
    seed: int | None = None,
    name: str = "pacgan_discriminator",
) -> keras.Model:
    """Builds a perceptron with maxout, `(batch, input_dim)` to logits `(batch, 1)`.

    Args:
        input_dim: of an example times how many are packed.
        width: units of each hidden layer.
        depth: hidden layers.
        pieces: linear maps behind each unit.
        seed: of the initial weights, the same on every backend; None: fresh ones.
        name: of the model.

    >>> pacgan_discriminator(2 * 4, width=8).input_shape
    (None, 8)
    """
    seeds = layer_seeds(seed)
    inputs = x = layers.Input((input_dim,), name="inputs")
    for index in range(depth):
        dense = _dense(width * pieces, next(seeds), f"hidden_{index}-dense")
        x = Maxout(pieces, name=f"hidden_{index}-maxout")(dense(x))
    outputs = _dense(1, next(seeds), "output")(x)
    return Functional(inputs, outputs, name=name)


def _dense(units: int, seed: int, name: str, use_bias: bool = True) -> keras.layers.Layer:
    kernel = Normal(_STDDEV, seed)
    return layers.Dense(units, use_bias=use_bias, kernel_initializer=kernel, name=name)
