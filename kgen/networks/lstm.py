"""Recurrent networks over tokens or pixels."""

import keras
from keras import layers

from kgen.layers import LSTM, GlorotUniform
from kgen.networks.names import scoped
from kgen.networks.seeds import layer_seeds
from kgen.networks.sequences import add_label, embedded, finish, label_input, sequence_input
from kgen.networks.shapes import check_whole


@scoped
def lstm(
    length: int,
    outputs: int,
    vocabulary: int | None = None,
    channels: int = 1,
    width: int = 128,
    depth: int = 1,
    classes: int | None = None,
    seed: int | None = None,
    name: str = "lstm",
) -> keras.Model:
    """Builds LSTMs, tokens or values at n positions to `(batch, n, outputs)`.

    The input is int32 `(batch, n)` where there is a vocabulary, else float `(batch, n, channels)`.
    Over the pixels of an image it is a PixelRNN of the simplest kind: one long row. The input "labels"
    follows where there are classes.

    Args:
        length: n.
        outputs: for each position, as the likelihood's `outputs(channels)` says.
        vocabulary: how many tokens or levels there are, each with its embedding; None: the input is
            float.
        channels: of a float input.
        width: of the states.
        depth: how many layers; all but the first are added to what goes in.
        classes: how many labels there are; None: no input "labels".
        seed: of the initial weights, the same on every backend; None: fresh ones.
        name: of the model.

    Raises:
        ValueError: where a number is out of range.

    Source: "Generating Sequences With Recurrent Neural Networks" (Graves, 2013), section 2.

    >>> lstm(16, 10, vocabulary=10, width=8).output_shape
    (None, 16, 10)
    """
    check_whole(length=length)
    if min(width, depth) < 1:
        raise ValueError(f"expected width and depth of at least 1, got {width} and {depth}")
    seeds = layer_seeds(seed)
    x, labels = sequence_input(length, vocabulary, channels), label_input(classes)
    h = add_label(embedded(x, vocabulary, width, seeds), labels, classes, next(seeds), "input")
    for layer in range(depth):
        u = LSTM(
            width,
            kernel_initializer=GlorotUniform(next(seeds)),
            recurrent_initializer=GlorotUniform(next(seeds)),
            name=f"block_{layer}-lstm",
        )(h)
        h = u if layer == 0 else layers.Add(name=f"block_{layer}-add")([h, u])
    return finish(x, h, outputs, labels, name, next(seeds))
