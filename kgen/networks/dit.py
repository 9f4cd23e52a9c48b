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
from kgen.networks.names import Functional, named, scoped
from kgen.networks.seeds import layer_seeds
from kgen.networks.shapes import as_shape, check_heads


@scoped
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
    x = _dense(_to_patches(with_image(inputs), grid, patch), width, seeds, "input-dense")
    x = GridPositions(grid, name="input-positions")(x)
    for index in range(depth):
        x = _block(x, told, inputs.get("context"), heads, dropout, seeds, f"block_{index}")
    shift, scale = _modulation(told, width, 2, "output")
    x = modulate(_normalised(x, "output"), shift, scale, "output-modulate")
    channels = channels_out or shape[-1]
    x = _zero_dense(x, patch ** len(grid) * channels, "output-dense", dtype="float32")
    outputs = _from_patches(x, grid, patch, channels)
    return Functional(list(inputs.values()), outputs, name=name)


def _block(
    x: keras.KerasTensor,
    told: keras.KerasTensor,
    context: keras.KerasTensor | None,
    heads: int,
    dropout: float,
    seeds: Iterator[int],
    name: str,
) -> keras.KerasTensor:
    """adaLN-Zero: what is told shifts, scales and gates; gates start at 0, so that x passes."""
    shift1, scale1, gate1, shift2, scale2, gate2 = _modulation(told, x.shape[-1], 6, name)
    part = f"{name}-self_attention"
    h = modulate(_normalised(x, part), shift1, scale1, f"{part}-modulate")
    x = _gated(x, gate1, self_attention(h, heads, seeds, zero=False, name=part), part)
    if context is not None:
        part = f"{name}-cross_attention"
        h = cross_attention(_normalised(x, part), context, heads, seeds, part)
        x = layers.Add(name=f"{part}-add")([x, h])
    part = f"{name}-mlp"
    h = modulate(_normalised(x, part), shift2, scale2, f"{part}-modulate")
    return _gated(x, gate2, _perceptron(h, dropout, seeds, part), part)


def _perceptron(
    x: keras.KerasTensor, dropout: float, seeds: Iterator[int], name: str
) -> keras.KerasTensor:
    width = x.shape[-1]
    h = _dense(x, 4 * width, seeds, f"{name}-hidden")
    h = layers.Activation(keras.activations.gelu, name=f"{name}-activation")(h)
    if dropout:
        h = Dropout(dropout, seed=next(seeds), name=f"{name}-dropout")(h)
    return _dense(h, width, seeds, f"{name}-output")


def _modulation(told: keras.KerasTensor, width: int, parts: int, name: str) -> list[keras.KerasTensor]:
    """Shifts, scales and gates, linear in what is told, all of them zero at first."""
    h = _zero_dense(told, parts * width, f"{name}-modulation")
    return named(ops.split(h, parts, axis=-1), f"{name}-split")


def _gated(
    x: keras.KerasTensor, gate: keras.KerasTensor, h: keras.KerasTensor, name: str
) -> keras.KerasTensor:
    h = named(everywhere(gate, x, f"{name}-gate") * h, f"{name}-multiply")
    return named(x + h, f"{name}-add")


def _to_patches(x: keras.KerasTensor, grid: tuple[int, ...], patch: int) -> keras.KerasTensor:
    """Cuts `(batch, *spatial, channels)` to `(batch, tokens, patch pixels * channels)`."""
    axes = len(grid)
    split = [size for count in grid for size in (count, patch)]
    x = named(ops.reshape(x, (-1, *split, x.shape[-1])), "input-cut")
    order = [0, *range(1, 2 * axes, 2), *range(2, 2 * axes + 1, 2), 2 * axes + 1]
    x = named(ops.transpose(x, order), "input-order")
    return named(ops.reshape(x, (-1, math.prod(grid), patch**axes * x.shape[-1])), "input-patches")


def _from_patches(
    x: keras.KerasTensor, grid: tuple[int, ...], patch: int, channels: int
) -> keras.KerasTensor:
    """Puts patches back: the inverse of `_to_patches`."""
    axes = len(grid)
    x = named(ops.reshape(x, (-1, *grid, *[patch] * axes, channels)), "output-cut")
    order = [0, *(i for axis in range(axes) for i in (1 + axis, 1 + axes + axis)), 2 * axes + 1]
    x = named(ops.transpose(x, order), "output-order")
    return named(ops.reshape(x, (-1, *(count * patch for count in grid), channels)), "output-pixels")


def _normalised(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return LayerNormalization(epsilon=1e-6, center=False, scale=False, name=f"{name}-norm")(x)


def _dense(x: keras.KerasTensor, units: int, seeds: Iterator[int], name: str) -> keras.KerasTensor:
    return layers.Dense(units, kernel_initializer=GlorotUniform(next(seeds)), name=name)(x)


def _zero_dense(
    x: keras.KerasTensor, units: int, name: str, dtype: str | None = None
) -> keras.KerasTensor:
    zeros = keras.initializers.Zeros()
    return layers.Dense(units, kernel_initializer=zeros, dtype=dtype, name=name)(x)


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
