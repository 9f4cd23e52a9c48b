"""A residual multilayer perceptron, for diffusion models of vectors such as points in the plane."""

from collections.abc import Iterator

import keras
from keras import layers

from kgen.layers import Dropout, GlorotUniform
from kgen.networks.diffusion_inputs import diffusion_inputs, embedding, with_image
from kgen.networks.names import Functional, scoped
from kgen.networks.seeds import layer_seeds
from kgen.networks.shapes import check_whole


@scoped
def residual_mlp(
    dim: int = 2,
    width: int = 128,
    depth: int = 3,
    classes: int | None = None,
    extra_channels: int = 0,
    channels_out: int | None = None,
    time: keras.layers.Layer | None = None,
    dropout: float = 0.0,
    seed: int | None = None,
    name: str = "residual_mlp",
) -> keras.Model:
    """Builds a residual perceptron, `[x, t, ...]` to `(batch, channels_out)`.

    The inputs and their order are those of `kgen.networks.diffusion_inputs`. A block is
    h + W2 swish(W1 swish(h) + V e), with e the embedding of time and label; W2 starts at zero.

    Args:
        dim: of x.
        width: of the blocks and of the embedding.
        depth: how many blocks.
        classes: how many labels there are; None: no input "labels".
        extra_channels: of the input "image", here a vector; 0: no such input.
        channels_out: None: `dim`. Twice as many for a learned variance.
        time: a layer from times `(batch,)` to features; None: `SinusoidalFeatures`.
        dropout: rate before each block's last map, in [0, 1).
        seed: of the initial weights, the same on every backend, and of the dropout; None: fresh.
        name: of the model.

    Raises:
        ValueError: where a number is out of range.

    Source: the block is that of "Identity Mappings in Deep Residual Networks" (He et al., 2016),
    figure 1b, without its normalisation, conditioned as in "Denoising Diffusion Probabilistic Models"
    (Ho et al., 2020), appendix B.

    >>> residual_mlp(dim=2, width=8, depth=1).output_shape
    (None, 2)
    """
    check_whole(dim=dim)
    if min(width, depth) < 1:
        raise ValueError(f"expected width and depth of at least 1, got {width} and {depth}")
    seeds = layer_seeds(seed)
    inputs = diffusion_inputs((dim,), classes, extra_channels=extra_channels)
    told = embedding(inputs, width, classes, time, seeds)
    h = _dense(width, next(seeds), "input-dense")(with_image(inputs))
    for index in range(depth):
        h = _block(h, told, dropout, seeds, f"block_{index}")
    last = _zero_dense(channels_out or dim, "output-dense", dtype="float32")
    outputs = last(_activated(h, "output-activation"))
    return Functional(list(inputs.values()), outputs, name=name)


def _block(
    h: keras.KerasTensor,
    told: keras.KerasTensor,
    dropout: float,
    seeds: Iterator[int],
    name: str,
) -> keras.KerasTensor:
    width = h.shape[-1]
    u = _dense(width, next(seeds), f"{name}-dense_0")(_activated(h, f"{name}-activation_0"))
    shift = _dense(width, next(seeds), f"{name}-embedding")(told)
    u = _activated(layers.Add(name=f"{name}-add_0")([u, shift]), f"{name}-activation_1")
    if dropout:
        u = Dropout(dropout, seed=next(seeds), name=f"{name}-dropout")(u)
    return layers.Add(name=f"{name}-add_1")([h, _zero_dense(width, f"{name}-dense_1")(u)])


def _activated(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.Activation(keras.activations.silu, name=name)(x)


def _dense(units: int, seed: int, name: str) -> keras.layers.Layer:
    return layers.Dense(units, kernel_initializer=GlorotUniform(seed), name=name)


def _zero_dense(units: int, name: str, dtype: str | None = None) -> keras.layers.Layer:
    zeros = keras.initializers.Zeros()
    return layers.Dense(units, kernel_initializer=zeros, dtype=dtype, name=name)
