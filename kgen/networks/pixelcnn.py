"""Convolutional networks in which each pixel sees the pixels before it in row-major order."""

from collections.abc import Iterator, Sequence

import keras
from keras import layers

from kgen.layers import AtColumn, Dropout, Gate, MaskedConv2D, RowConv2D, RowsAbove
from kgen.networks.names import scoped
from kgen.networks.seeds import layer_seeds
from kgen.networks.sequences import add_label, dense, finish, label_input
from kgen.networks.shapes import as_shape


@scoped
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
    h = MaskedConv2D(width, first_size, "A", seed=next(seeds), name="input-conv")(x)
    h = add_label(h, labels, classes, next(seeds), "input")
    for index in range(depth):
        h = _block(h, kernel_size, dropout, seeds, f"block_{index}")
    h = _pointwise(h, width, next(seeds))
    return finish(x, h, outputs, labels, name, next(seeds))


@scoped
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
    v, h = RowsAbove(name="input-rows_above")(x), x
    for block in range(depth):
        mask = "A" if block == 0 else "B"
        rows, pixels = f"block_{block}-vertical", f"block_{block}-horizontal"
        v_in, h_in = _dropped(v, dropout, seeds, rows), _dropped(h, dropout, seeds, pixels)
        v = RowConv2D(2 * width, kernel_size, seed=next(seeds), name=f"{rows}-conv")(v_in)
        across = dense(v, 2 * width, next(seeds), f"{pixels}-across")
        across = AtColumn(name=f"{pixels}-at_column")(across)
        left = MaskedConv2D(2 * width, (1, kernel_size), mask, seed=next(seeds), name=f"{pixels}-conv")(
            h_in
        )
        told = layers.Add(name=f"{pixels}-add_0")([left, across])
        told = add_label(told, labels, classes, next(seeds), pixels)
        v = Gate(name=f"{rows}-gate")(add_label(v, labels, classes, next(seeds), rows))
        u = dense(Gate(name=f"{pixels}-gate")(told), width, next(seeds), f"{pixels}-output")
        # The first block adds no x, which has other channels and sees itself.
        h = layers.Add(name=f"{pixels}-add_1")([h, u]) if block else u
    h = _pointwise(h, width, next(seeds))
    return finish(x, h, outputs, labels, name, next(seeds))


def _block(
    h: keras.KerasTensor, kernel_size: int, dropout: float, seeds: Iterator[int], name: str
) -> keras.KerasTensor:
    """A residual block of half the width within."""
    width = h.shape[-1]
    inner = max(width // 2, 1)
    u = dense(_relu(h, f"{name}-activation_0"), inner, next(seeds), f"{name}-dense_0")
    u = _relu(u, f"{name}-activation_1")
    u = MaskedConv2D(inner, kernel_size, "B", seed=next(seeds), name=f"{name}-conv")(u)
    u = _dropped(_relu(u, f"{name}-activation_2"), dropout, seeds, name)
    return layers.Add(name=f"{name}-add")([h, dense(u, width, next(seeds), f"{name}-dense_1")])


def _pointwise(h: keras.KerasTensor, width: int, seed: int) -> keras.KerasTensor:
    """The first of the two last maps, of each pixel by itself."""
    h = dense(_relu(h, "output-activation_0"), width, seed, "output-hidden")
    return _relu(h, "output-activation_1")


def _relu(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.ReLU(name=name)(x)


def _dropped(x: keras.KerasTensor, rate: float, seeds: Iterator[int], name: str) -> keras.KerasTensor:
    return Dropout(rate, seed=next(seeds), name=f"{name}-dropout")(x) if rate else x


def _check(shape: Sequence[int], width: int, depth: int) -> None:
    shape = as_shape(shape)
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"expected the shape (height, width, channels), got {shape}")
    if min(width, depth) < 1:
        raise ValueError(f"expected width and depth of at least 1, got {width} and {depth}")
