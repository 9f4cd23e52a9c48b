"""Conditioners: networks whose outputs are the parameters of somebody else's transform."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from kgen.backend import Tensor
from kgen.layers import Conv2D, GlorotUniform
from kgen.networks.diffusion_inputs import everywhere
from kgen.networks.names import Functional, named, scoped
from kgen.networks.seeds import layer_seeds


@scoped
def conditioner(
    dim: int,
    outputs: int,
    hidden: Sequence[int] = (64, 64),
    context: int | None = None,
    activation: Callable[[Tensor], Tensor] = keras.activations.relu,
    seed: int | None = None,
    name: str = "conditioner",
) -> keras.Model:
    """Builds a perceptron, x `(batch, dim)`, or [x, context], to `(batch, outputs)`, zero at first.

    Args:
        dim: at least 1.
        outputs: at least 1.
        hidden: widths of the hidden layers.
        context: how many numbers the context `(batch, context)` has; None: no such input.
        activation: after each hidden layer.
        seed: of the initial weights, the same on every backend; None: fresh ones. The last layer
            starts at zero.
        name: of the model.

    Raises:
        ValueError: where a number is below 1.

    >>> conditioner(2, 6, context=3).output_shape
    (None, 6)
    """
    _check_sizes(dim, outputs, *hidden, context or 1)
    seeds = layer_seeds(seed)
    x = layers.Input((dim,), name="x")
    told = None if context is None else layers.Input((context,), name="context")
    h = x
    for index, width in enumerate((*hidden, outputs)):
        last = index == len(hidden)
        part = "output" if last else f"hidden_{index}"
        kernel = "zeros" if last else GlorotUniform(next(seeds))
        h = layers.Dense(width, kernel_initializer=kernel, name=f"{part}-dense")(h)
        if index == 0 and told is not None:
            # Not of both concatenated: XLA on TensorFlow lacks that operation's second derivative.
            kernel = "zeros" if last else GlorotUniform(next(seeds))
            seen = _without_bias(width, kernel, f"{part}-context")(told)
            h = named(h + seen, f"{part}-add")
        h = h if last else layers.Activation(activation, name=f"{part}-activation")(h)
    return Functional(x if told is None else [x, told], h, name=name)


@scoped
def conv_conditioner(
    shape: Sequence[int],
    channels_out: int,
    width: int = 64,
    depth: int = 1,
    kernel_size: int = 1,
    context: int | None = None,
    seed: int | None = None,
    name: str = "conv_conditioner",
) -> keras.Model:
    """Builds a convolutional net, images `(batch, *shape)`, or [images, context], zero at first.

    A 3x3 convolution, `depth` residual ones, and a 3x3 convolution to `(batch, h, w, channels_out)`.

    Args:
        shape: (height, width, channels).
        channels_out: at least 1.
        width: channels of the feature maps.
        depth: how many convolutions lie between the first and the last.
        kernel_size: of those between: 1 as in Glow, 3 to see farther.
        context: how many numbers the context `(batch, context)` has; None: no such input.
        seed: of the initial weights, the same on every backend; None: fresh ones. The last layer
            starts at zero.
        name: of the model.

    Raises:
        ValueError: where a number is below 1.

    Source: "Glow: Generative Flow with Invertible 1x1 Convolutions" (Kingma and Dhariwal, 2018),
    section 3.3; the skip around each inner layer is that of "Density Estimation Using Real NVP" (Dinh
    et al., 2017), section 3.4.

    >>> conv_conditioner((8, 8, 2), 4, width=8).output_shape
    (None, 8, 8, 4)
    """
    _check_sizes(*shape, channels_out, width, kernel_size, context or 1)
    seeds = layer_seeds(seed)
    x = layers.Input(tuple(shape), name="x")
    told = None if context is None else layers.Input((context,), name="context")
    h = _conv(width, 3, next(seeds), "input-conv")(x)
    if told is not None:
        bias = _without_bias(width, GlorotUniform(next(seeds)), "input-context")(told)
        h = named(h + everywhere(bias, h, "input-reshape"), "input-add")
    for index in range(depth):
        u = _relu(h, f"block_{index}-activation")
        u = _conv(width, kernel_size, next(seeds), f"block_{index}-conv")(u)
        h = named(h + u, f"block_{index}-add")
    last = Conv2D(channels_out, 3, padding="same", kernel_initializer="zeros", name="output-conv")
    y = last(_relu(h, "output-activation"))
    return Functional(x if told is None else [x, told], y, name=name)


def _conv(width: int, size: int, seed: int, name: str) -> keras.layers.Layer:
    return Conv2D(width, size, padding="same", kernel_initializer=GlorotUniform(seed), name=name)


def _without_bias(
    width: int, kernel: str | keras.initializers.Initializer, name: str
) -> keras.layers.Layer:
    return layers.Dense(width, use_bias=False, kernel_initializer=kernel, name=name)


def _relu(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.Activation(keras.activations.relu, name=name)(x)


def _check_sizes(*sizes: int) -> None:
    if min(sizes) < 1:
        raise ValueError(f"expected sizes of at least 1, got {sizes}")
