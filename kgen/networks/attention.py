"""Attention with its projections: of a sequence to itself, or to a context."""

from collections.abc import Iterator

import keras
from keras import layers, ops

from kgen.layers import Attention, GlorotUniform
from kgen.networks.names import named


def self_attention(
    x: keras.KerasTensor,
    heads: int,
    seeds: Iterator[int],
    zero: bool = True,
    name: str = "self_attention",
) -> keras.KerasTensor:
    """Builds softmax(Q K^T / sqrt(d)) V of a sequence `(batch, n, width)`, to the same shape.

    Queries, keys and values are linear in the sequence; a linear map follows, which starts at zero
    unless `zero=False`. Behind a gate that starts at zero too it must not: neither would ever move.
    No order is known to it: permuted inputs give permuted outputs.

    Raises:
        ValueError: where the heads do not divide the width.

    >>> self_attention(keras.Input((5, 8)), 2, iter(range(9))).shape
    (None, 5, 8)
    """
    width = x.shape[-1]
    projected = _project(x, 3 * width, next(seeds), f"{name}-qkv")
    queries, keys, values = named(ops.split(projected, 3, axis=-1), f"{name}-split")
    h = Attention(heads, name=f"{name}-attention")(queries, keys, values)
    last = f"{name}-output"
    return _merge(h, width, last) if zero else _project(h, width, next(seeds), last)


def cross_attention(
    x: keras.KerasTensor,
    context: keras.KerasTensor,
    heads: int,
    seeds: Iterator[int],
    name: str = "cross_attention",
) -> keras.KerasTensor:
    """Builds attention of a sequence `(batch, n, width)` to a context `(batch, length, any)`.

    Queries are linear in the sequence, keys and values in the context; a linear map that starts at
    zero follows.

    Raises:
        ValueError: where the heads do not divide the width.

    Source: "High-Resolution Image Synthesis with Latent Diffusion Models" (Rombach et al., 2022),
    section 3.3.

    >>> cross_attention(keras.Input((5, 8)), keras.Input((3, 4)), 2, iter(range(9))).shape
    (None, 5, 8)
    """
    width = x.shape[-1]
    queries = _project(x, width, next(seeds), f"{name}-query")
    projected = _project(context, 2 * width, next(seeds), f"{name}-key_value")
    keys, values = named(ops.split(projected, 2, axis=-1), f"{name}-split")
    h = Attention(heads, name=f"{name}-attention")(queries, keys, values)
    return _merge(h, width, f"{name}-output")


def _project(x: keras.KerasTensor, width: int, seed: int, name: str) -> keras.KerasTensor:
    return layers.Dense(width, kernel_initializer=GlorotUniform(seed), name=name)(x)


def _merge(x: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
    return layers.Dense(width, kernel_initializer=keras.initializers.Zeros(), name=name)(x)
