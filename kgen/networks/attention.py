"""Attention with its projections: of a sequence to itself, or to a context."""

from collections.abc import Iterator

import keras
from keras import layers, ops

from kgen.layers import Attention, GlorotUniform


def self_attention(
    x: keras.KerasTensor, heads: int, seeds: Iterator[int], zero: bool = True
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
    queries, keys, values = ops.split(_project(x, 3 * width, next(seeds)), 3, axis=-1)
    h = Attention(heads)(queries, keys, values)
    return _merge(h, width) if zero else _project(h, width, next(seeds))


def cross_attention(
    x: keras.KerasTensor, context: keras.KerasTensor, heads: int, seeds: Iterator[int]
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
    queries = _project(x, width, next(seeds))
    keys, values = ops.split(_project(context, 2 * width, next(seeds)), 2, axis=-1)
    return _merge(Attention(heads)(queries, keys, values), width)


def _project(x: keras.KerasTensor, width: int, seed: int) -> keras.KerasTensor:
    return layers.Dense(width, kernel_initializer=GlorotUniform(seed))(x)


def _merge(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    return layers.Dense(width, kernel_initializer=keras.initializers.Zeros())(x)
