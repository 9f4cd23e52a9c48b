"""Convolutional networks in which each pixel sees the pixels before it in row-major order."""

from collections.abc import Iterator, Sequence

import keras
from keras import layers

from kgen.layers import AtColumn, Dropout, Gate, MaskedConv2D, RowConv2D, RowsAbove
from kgen.networks.seeds import layer_seeds
from kgen.networks.sequences import add_label, dense, finish, label_input
from kgen.networks.shapes import as_shape


def pixelcnn(
    shape: Sequence[int],
    outputs: int,
    width: int = 64,
    depth: int = 5,
    first_size: int = 7,
    kernel_size: int = 3,
    classes: int | None = None,
    dropout: float = 0.0,
    seed: int | None = None,
    name: str = "pixelcnn",
) -> keras.Model:
    """Builds a PixelCNN, images `(batch, *shape)` to `(batch, height, width, outputs)`.

    A masked convolution A, residual blocks with a masked convolution B, two maps of each pixel by
    itself. It has a blind spot to the right above each pixel: see `gated_pixelcnn`. The input "labels"
    follows where there are classes.

    Args:
        shape: (height, width, channels) of an image.
        outputs: for each pixel, as the likelihood's `outputs(channels)` says.
        width: of the residual stream.
        depth: how many blocks.
        first_size: of the first kernel, odd.
        kernel_size: of those in the blocks, odd.
        classes: how many labels there are; None: no input "labels".
        dropout: rate within the blocks, in [0, 1).
        seed: of the initial weights, the same on every backend; None: fresh ones.
        name: of the model.

    Raises:
        ValueError: where a number is out of range.

    Source: "Pixel Recurrent Neural Networks" (van den Oord et al., 2016), section 3.4 and
    table 1.

    >>> pixelcnn((8, 8, 1), 256, width=8, depth=1).output_shape
    (None, 8, 8, 256)
    """
    _check(shape, width, depth)
    seeds = layer_seeds(seed)
    x, labels = layers.Input(tuple(shape), name="x"), label_input(classes)
    h = MaskedConv2D(width, first_size, "A", seed=next(seeds))(x)
    h = add_label(h, labels, classes, next(seeds))
    for _ in range(depth):
        u = layers.ReLU()(dense(layers.ReLU()(h), max(width // 2, 1), next(seeds)))
        u = layers.ReLU()(MaskedConv2D(max(width // 2, 1), kernel_size, "B", seed=next(seeds))(u))
        h = layers.Add()([h, dense(_dropped(u, dropout, seeds), width, next(seeds))])
    h = layers.ReLU()(dense(layers.ReLU()(h), width, next(seeds)))
    return finish(x, h, outputs, labels, name, next(seeds))


def gated_pixelcnn(
    shape: Sequence[int],
    outputs: int,
    width: int = 32,
    depth: int = 5,
    kernel_size: int = 3,
    classes: int | None = None,
    dropout: float = 0.0,
    seed: int | None = None,
    name: str = "gated_pixelcnn",
) -> keras.Model:
    """Builds a Gated PixelCNN, images to `(batch, height, width, outputs)`: no blind spot.

    A vertical stack sees the rows above, a horizontal one the pixels to the left and the vertical
    stack. With `kgen.autoregressive.LogisticMixture` and dropout this is the likelihood and the
    two streams of PixelCNN++, without its coarser scales.

    Args:
        shape: (height, width, channels) of an image.
        outputs: for each pixel, as the likelihood's `outputs(channels)` says.
        width: of both stacks.
        depth: how many blocks; each sees kernel_size // 2 pixels farther.
        kernel_size: odd.
        classes: how many labels there are; None: no input "labels".
        dropout: rate before each gate's convolution, in [0, 1).
        seed: of the initial weights, the same on every backend; None: fresh ones.
        name: of the model.

    Raises:
        ValueError: where a number is out of range.

    Source: "Conditional Image Generation with PixelCNN Decoders" (van den Oord et al., 2016), section
    2 and figure 2.

    >>> gated_pixelcnn((8, 8, 1), 256, width=8, depth=1).output_shape
    (None, 8, 8, 256)
    """
    _check(shape, width, depth)
    seeds = layer_seeds(seed)
    x, labels = layers.Input(tuple(shape), name="x"), label_input(classes)
    v, h = RowsAbove()(x), x
    for block in range(depth):
        mask = "A" if block == 0 else "B"
        v_in, h_in = _dropped(v, dropout, seeds), _dropped(h, dropout, seeds)
        v = RowConv2D(2 * width, kernel_size, seed=next(seeds))(v_in)
        across = AtColumn()(dense(v, 2 * width, next(seeds)))
        left = MaskedConv2D(2 * width, (1, kernel_size), mask, seed=next(seeds))(h_in)
        told = add_label(layers.Add()([left, across]), labels, classes, next(seeds))
        v = Gate()(add_label(v, labels, classes, next(seeds)))
        u = dense(Gate()(told), width, next(seeds))
        h = u if block == 0 else layers.Add()([h, u])  # x has other channels, and sees itself
    h = layers.ReLU()(dense(layers.ReLU()(h), width, next(seeds)))
    return finish(x, h, outputs, labels, name, next(seeds))


def _dropped(x: keras.KerasTensor, rate: float, seeds: Iterator[int]) -> keras.KerasTensor:
    return Dropout(rate, seed=next(seeds))(x) if rate else x


def _check(shape: Sequence[int], width: int, depth: int) -> None:
    shape = as_shape(shape)
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"expected the shape (height, width, channels), got {shape}")
    if min(width, depth) < 1:
        raise ValueError(f"expected width and depth of at least 1, got {width} and {depth}")
