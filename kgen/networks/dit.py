"""The diffusion transformer, for sequences, images and volumes.

Source: "Scalable Diffusion Models with Transformers" (Peebles and Xie, 2023), section 3.2 and figure
3: patches as tokens, fixed positions, blocks conditioned by adaLN-Zero, a linear map back to pixels.
"""

import math
from collections.abc import Iterator, Sequence

import keras
from keras import layers, ops

from kgen.layers import Dropout, GlorotUniform, GridPositions, LayerNormalization
from kgen.networks.attention import cross_attention, self_attention
from kgen.networks.diffusion_inputs import diffusion_inputs, embedding, everywhere, modulate, with_image
from kgen.networks.seeds import layer_seeds
from kgen.networks.shapes import as_shape, check_heads


def dit(
    shape: Sequence[int],
    patch: int = 4,
    width: int = 128,
    depth: int = 4,
    heads: int = 4,
    classes: int | None = None,
    context: tuple[int, int] | None = None,
    extra_channels: int = 0,
    channels_out: int | None = None,
    time: keras.layers.Layer | None = None,
    dropout: float = 0.0,
    seed: int | None = None,
    name: str = "dit",
) -> keras.Model:
    """Builds a diffusion transformer, `[x, t, ...]` to `(batch, *spatial, channels_out)`.

    The inputs and their order are those of `kgen.networks.diffusion_inputs`.

    Args:
        shape: `(*spatial, channels)` of x, one to three spatial axes, multiples of the patch.
        patch: pixels along each axis that make a token.
        width: of the tokens, a multiple of the heads and of twice the number of axes.
        depth: how many blocks.
        heads: of the attention.
        classes: how many labels there are; None: no input "labels".
        context: (length, width) of the input "context", attended to in each block; None: none.
        extra_channels: of the input "image"; 0: no such input.
        channels_out: None: those of x. Twice as many for a learned variance.
        time: a layer from times `(batch,)` to features; None: `SinusoidalFeatures`.
        dropout: rate after each block's activation, in [0, 1).
        seed: of the initial weights, the same on every backend, and of the dropout; None: fresh.
        name: of the model.

    Raises:
        ValueError: where patches do not fill the shape, or a width or number is out of range.

    >>> dit((8, 8, 1), width=16, depth=1, heads=2).output_shape
    (None, 8, 8, 1)
    """
    grid = _grid(shape, patch)
    check_heads(width, depth, heads)
    seeds = layer_seeds(seed)
    inputs = diffusion_inputs(shape, classes, context, extra_channels)
    told = embedding(inputs, width, classes, time, seeds)
    x = GridPositions(grid)(_dense(_to_patches(with_image(inputs), grid, patch), width, seeds))
    for _ in range(depth):
        x = _block(x, told, inputs.get("context"), heads, dropout, seeds)
    shift, scale = ops.split(_zero_dense(told, 2 * width), 2, axis=-1)
    x = modulate(_normalised(x), shift, scale)
    channels = channels_out or shape[-1]
    x = _zero_dense(x, patch ** len(grid) * channels, dtype="float32")
    outputs = _from_patches(x, grid, patch, channels)
    return keras.Model(list(inputs.values()), outputs, name=name)


def _block(
    x: keras.KerasTensor,
    told: keras.KerasTensor,
    context: keras.KerasTensor | None,
    heads: int,
    dropout: float,
    seeds: Iterator[int],
) -> keras.KerasTensor:
    """adaLN-Zero: what is told shifts, scales and gates; gates start at 0, so that x passes."""
    width = x.shape[-1]
    shift1, scale1, gate1, shift2, scale2, gate2 = ops.split(_zero_dense(told, 6 * width), 6, axis=-1)
    h = self_attention(modulate(_normalised(x), shift1, scale1), heads, seeds, zero=False)
    x = x + everywhere(gate1, x) * h
    if context is not None:
        x = layers.Add()([x, cross_attention(_normalised(x), context, heads, seeds)])
    h = _dense(modulate(_normalised(x), shift2, scale2), 4 * width, seeds)
    h = layers.Activation(keras.activations.gelu)(h)
    if dropout:
        h = Dropout(dropout, seed=next(seeds))(h)
    return x + everywhere(gate2, x) * _dense(h, width, seeds)


def _to_patches(x: keras.KerasTensor, grid: tuple[int, ...], patch: int) -> keras.KerasTensor:
    """Cuts `(batch, *spatial, channels)` to `(batch, tokens, patch pixels * channels)`."""
    axes = len(grid)
    split = [size for count in grid for size in (count, patch)]
    x = ops.reshape(x, (-1, *split, x.shape[-1]))
    order = [0, *range(1, 2 * axes, 2), *range(2, 2 * axes + 1, 2), 2 * axes + 1]
    x = ops.transpose(x, order)
    return ops.reshape(x, (-1, math.prod(grid), patch**axes * x.shape[-1]))


def _from_patches(
    x: keras.KerasTensor, grid: tuple[int, ...], patch: int, channels: int
) -> keras.KerasTensor:
    """Puts patches back: the inverse of `_to_patches`."""
    axes = len(grid)
    x = ops.reshape(x, (-1, *grid, *[patch] * axes, channels))
    order = [0, *(i for axis in range(axes) for i in (1 + axis, 1 + axes + axis)), 2 * axes + 1]
    x = ops.transpose(x, order)
    return ops.reshape(x, (-1, *(count * patch for count in grid), channels))


def _normalised(x: keras.KerasTensor) -> keras.KerasTensor:
    return LayerNormalization(epsilon=1e-6, center=False, scale=False)(x)


def _dense(x: keras.KerasTensor, units: int, seeds: Iterator[int]) -> keras.KerasTensor:
    return layers.Dense(units, kernel_initializer=GlorotUniform(next(seeds)))(x)


def _zero_dense(x: keras.KerasTensor, units: int, dtype: str | None = None) -> keras.KerasTensor:
    return layers.Dense(units, kernel_initializer=keras.initializers.Zeros(), dtype=dtype)(x)


def _grid(shape: Sequence[int], patch: int) -> tuple[int, ...]:
    """Checks the shape; gives the number of patches along each axis."""
    shape = as_shape(shape)
    if not 2 <= len(shape) <= 4:
        raise ValueError(f"expected the shape (*spatial, channels), 1 to 3 spatial axes, got {shape}")
    if patch < 1:
        raise ValueError(f"expected a patch of at least 1, got {patch}")
    *spatial, channels = shape
    if any(size < 1 or size % patch for size in spatial):
        larger = (*(max(-(-size // patch), 1) * patch for size in spatial), channels)
        raise ValueError(
            f"patches of {patch} do not fill data of shape {shape}: pad the data to {larger}, "
            "or use a patch that divides its spatial axes"
        )
    return tuple(size // patch for size in spatial)
