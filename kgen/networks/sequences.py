"""What the autoregressive networks share: their inputs, labels, and the map to the outputs.

Such a network is a functional `keras.Model` of x, or of [x, labels], whose output at a position
depends on earlier positions only. x is float `(batch, height, width, channels)` for the networks on
images; for those on sequences int32 `(batch, length)` where they have a vocabulary, else float
`(batch, length, channels)`. "labels" are int32 `(batch,)`, 0 ... classes - 1. The outputs are float32
`(batch, *positions, outputs)`.
"""

from collections.abc import Iterator

import keras
from keras import layers

from kgen.layers import AddVector, GlorotUniform, Normal, Shift
from kgen.networks.names import Functional


def label_input(classes: int | None) -> keras.KerasTensor | None:
    """Makes the input "labels", where there are classes.

    Raises ValueError for fewer than one class.
    """
    if classes is None:
        return None
    if classes < 1:
        raise ValueError(f"expected classes of at least 1, got {classes}")
    return layers.Input((), dtype="int32", name="labels")


def add_label(
    x: keras.KerasTensor,
    labels: keras.KerasTensor | None,
    classes: int | None,
    seed: int,
    name: str,
) -> keras.KerasTensor:
    """Adds an embedding of the label at every position; x itself where there are no labels."""
    if labels is None:
        return x
    table = _table(classes, x.shape[-1], seed, f"{name}-label_embedding")
    return AddVector(name=f"{name}-label_add")(x, table(labels))


def sequence_input(length: int, vocabulary: int | None, channels: int) -> keras.KerasTensor:
    """Makes the input "x" of a network on sequences.

    Raises ValueError where a number is below 1.
    """
    if min(length, 1 if vocabulary is None else vocabulary, channels) < 1:
        raise ValueError(
            f"expected length, vocabulary and channels of at least 1, got {length}, {vocabulary} and "
            f"{channels}"
        )
    if vocabulary is None:
        return layers.Input((length, channels), name="x")
    return layers.Input((length,), dtype="int32", name="x")


def embedded(
    x: keras.KerasTensor, vocabulary: int | None, width: int, seeds: Iterator[int]
) -> keras.KerasTensor:
    """Embeds tokens or values in `(batch, length, width)`, one position late."""
    if vocabulary is None:
        h = dense(x, width, next(seeds), "input-dense")
    else:
        h = _table(vocabulary, width, next(seeds), "input-embedding")(x)
    return Shift(next(seeds), name="input-shift")(h)


def finish(
    x: keras.KerasTensor,
    h: keras.KerasTensor,
    outputs: int,
    labels: keras.KerasTensor | None,
    name: str,
    seed: int,
) -> keras.Model:
    """Maps features linearly to the outputs, in float32, and makes the model."""
    if outputs < 1:
        raise ValueError(f"expected outputs of at least 1, got {outputs}")
    kernel = GlorotUniform(seed)
    y = layers.Dense(outputs, kernel_initializer=kernel, dtype="float32", name="output-dense")(h)
    return Functional(x if labels is None else [x, labels], y, name=name)


def dense(x: keras.KerasTensor, width: int, seed: int, name: str) -> keras.KerasTensor:
    """A linear map of the channels."""
    return layers.Dense(width, kernel_initializer=GlorotUniform(seed), name=name)(x)


def _table(rows: int, width: int, seed: int, name: str) -> keras.Layer:
    return layers.Embedding(rows, width, embeddings_initializer=Normal(0.1, seed), name=name)
