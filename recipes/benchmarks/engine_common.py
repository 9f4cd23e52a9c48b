"""What the hand-written versions share: sizes, first weights, and the interface that is measured.

The networks are those of `recipes/dcgan_fashion.py` and `recipes/vae_fashion.py`. Weights are flat
lists in the order of the Keras networks' variables, so that each version can take over another's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

BATCH = 128
DCGAN_LATENT, VAE_LATENT, WIDTH = 64, 16, 32
COARSE = (7, 7, 2 * WIDTH)  # the smallest feature map of every network
MOMENTUM, BN_EPSILON = 0.9, 1e-3  # of BatchNorm's moving statistics: share of the old value
BETA_2, EPSILON = 0.999, 1e-7  # of Adam, Keras' values

Shapes = tuple[tuple[int, ...], ...]


class Adam(NamedTuple):
    """The hyperparameters of Adam that differ between the models."""

    rate: float
    beta_1: float


ADAM = {"dcgan": Adam(2e-4, 0.5), "vae": Adam(1e-3, 0.9), "wgan_gp": Adam(1e-4, 0.0)}
DRAWS = {"dcgan": (2, DCGAN_LATENT), "vae": (1, VAE_LATENT)}  # of noise in a step, and their size

_FLAT = COARSE[0] * COARSE[1] * COARSE[2]
_DOWN: Shapes = ((4, 4, 1, WIDTH), (WIDTH,), (4, 4, WIDTH, 2 * WIDTH))
# Trainable weights: kernels `(height, width, in, out)`, transposed ones `(height, width, out, in)`.
SHAPES: dict[str, Shapes] = {
    "generator": (
        (DCGAN_LATENT, _FLAT),
        *((2 * WIDTH,), (2 * WIDTH,)),  # scale and offset of BatchNorm
        (4, 4, WIDTH, 2 * WIDTH),
        *((WIDTH,), (WIDTH,)),
        *((4, 4, 1, WIDTH), (1,)),
    ),
    "discriminator": (*_DOWN, *((2 * WIDTH,), (2 * WIDTH,)), (_FLAT, 1), (1,)),
    "encoder": (
        *(*_DOWN, (2 * WIDTH,)),
        *((_FLAT, 8 * WIDTH), (8 * WIDTH,)),
        *((8 * WIDTH, 2 * VAE_LATENT), (2 * VAE_LATENT,)),
    ),
    "decoder": (
        *((VAE_LATENT, 8 * WIDTH), (8 * WIDTH,)),
        *((8 * WIDTH, _FLAT), (_FLAT,)),
        *((4, 4, WIDTH, 2 * WIDTH), (WIDTH,)),
        *((4, 4, 1, WIDTH), (1,)),
    ),
}
# The channels of each BatchNorm: a moving mean and a moving variance each.
NORMALISED = {"generator": (2 * WIDTH, WIDTH), "discriminator": (2 * WIDTH,)}
_SCALES = {"generator": (1, 4), "discriminator": (3,)}  # where SHAPES has BatchNorm's scales


class Weights(NamedTuple):
    """One network's weights."""

    trained: list[np.ndarray]
    statistics: list[np.ndarray]


class Twin:
    """A hand-written version of a model."""

    networks: Mapping[str, Any]

    def step(self, images: np.ndarray) -> None:
        """Trains on a batch, with noise of its own, and adds the losses to the running means."""
        raise NotImplementedError

    def means(self) -> dict[str, float]:
        """Reads the running means, which waits for the steps to end, and resets them."""
        raise NotImplementedError

    def update(self, images: np.ndarray, noise: Sequence[np.ndarray]) -> float:
        """Takes one step with the given noise, not compiled; returns the (first) loss."""
        raise NotImplementedError

    def load(self, weights: Mapping[str, Weights]) -> None:
        """Starts anew from these weights: the optimizers' slots are zero again."""
        raise NotImplementedError


def initial(network: str, seed: int = 0) -> Weights:
    """Draws the first weights of a network as the recipes do: N(0, 0.02**2), or Glorot uniform."""
    rng = np.random.default_rng(seed)
    trained = [_draw(rng, shape, network in _SCALES) for shape in SHAPES[network]]
    for index in _SCALES.get(network, ()):
        trained[index] += 1.0
    statistics = [f(n) for n in NORMALISED.get(network, ()) for f in (np.zeros, np.ones)]
    return Weights(trained, [value.astype("float32") for value in statistics])


def _draw(rng: np.random.Generator, shape: tuple[int, ...], normal: bool) -> np.ndarray:
    if len(shape) == 1:
        return np.zeros(shape, "float32")
    if normal:
        return rng.normal(0.0, 0.02, shape).astype("float32")
    limit = np.sqrt(6.0 / (np.prod(shape[:-2]) * (shape[-1] + shape[-2])))
    return rng.uniform(-limit, limit, shape).astype("float32")
