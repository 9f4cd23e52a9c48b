"""The decoder-only transformer, over tokens or over the pixels of an image."""

import math
from collections.abc import Iterator, Sequence

import keras
from keras import layers

from kgen.layers import CausalAttention, Dropout, LayerNormalization
from kgen.networks.names import scoped
from kgen.networks.seeds import layer_seeds
from kgen.networks.sequences import add_label, dense, embedded, finish, label_input, sequence_input
from kgen.networks.shapes import as_shape, check_heads


@scoped
def transformer(
    grid: Sequence[int],
    outputs: int,
    vocabulary: int | None = None,
    channels: int = 1,
    width: int = 128,
    depth: int = 4,
    heads: int = 4,
    classes: int | None = None,
    dropout: float = 0.0,
    seed: int | None = None,
    name: str = "transformer",
) -> keras.Model:
    """Builds a transformer, tokens or values at n positions to `(batch, n, outputs)`.

    The input is int32 `(batch, n)` where there is a vocabulary, else float `(batch, n, channels)`.
    Positions are rotary, along each axis of the grid; a learned vector stands before the first; the
    activation is SiLU (ONNX has no GELU that the converter knows). The input "labels" follows where
    there are classes.

    Args:
        grid: (length,) of a text, or (height, width) of an image; n is the product.
        outputs: for each position, as the likelihood's `outputs(channels)` says.
        vocabulary: how many tokens or levels there are, each with its embedding; None: the input is
            float.
        channels: of a float input.
        width: of the residual stream; a head has a multiple of twice as many channels as the grid has
            axes.
        depth: how many blocks.
        heads: of the attention.
        classes: how many labels there are; None: no input "labels".
        dropout: rate at the end of both halves of a block, in [0, 1).
        seed: of the initial weights, the same on every backend; None: fresh ones.
        name: of the model.

    Raises:
        ValueError: where a number is out of range, or the heads do not fit the width.

    Source: "Attention Is All You Need" (Vaswani et al., 2017), the decoder; "Language Models are
    Unsupervised Multitask Learners" (Radford et al., 2019), section 2.3, for the normalisation first.

    >>> transformer((16,), 10, vocabulary=10, width=16, depth=1, heads=2).output_shape
    (None, 16, 10)
    """
    grid = as_shape(grid, "grid", "(28, 28)")
    check_heads(width, depth, heads)
    seeds = layer_seeds(seed)
    x, labels = sequence_input(math.prod(grid), vocabulary, channels), label_input(classes)
    h = add_label(embedded(x, vocabulary, width, seeds), labels, classes, next(seeds), "input")
    for index in range(depth):
        part = f"block_{index}-self_attention"
        u = dense(_normalised(h, part), 3 * width, next(seeds), f"{part}-qkv")
        u = CausalAttention(grid, heads, name=f"{part}-attention")(u)
        h = _added(h, u, dropout, seeds, part)
        part = f"block_{index}-mlp"
        u = dense(_normalised(h, part), 4 * width, next(seeds), f"{part}-hidden")
        u = layers.Activation(keras.activations.silu, name=f"{part}-activation")(u)
        h = _added(h, u, dropout, seeds, part)
    return finish(x, _normalised(h, "output"), outputs, labels, name, next(seeds))


def _normalised(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return LayerNormalization(name=f"{name}-norm")(x)


def _added(
    h: keras.KerasTensor, u: keras.KerasTensor, dropout: float, seeds: Iterator[int], name: str
) -> keras.KerasTensor:
    """Adds a linear map of u to the residual stream h."""
    u = dense(u, h.shape[-1], next(seeds), f"{name}-output")
    if dropout:
        u = Dropout(dropout, seed=next(seeds), name=f"{name}-dropout")(u)
    return layers.Add(name=f"{name}-add")([h, u])
