"""MADE: a perceptron whose outputs each see only the inputs before them."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import layers

from kgen.backend import Tensor
from kgen.layers import ByDimension, GlorotUniform, MaskedDense
from kgen.networks.names import Functional, scoped
from kgen.networks.seeds import layer_seeds
from kgen.networks.shapes import as_shape, check_whole


@scoped
def made(
    dim: int,
    outputs: int = 1,
    hidden: Sequence[int] = (64, 64),
    context: int | None = None,
    order: Sequence[int] | None = None,
    activation: Callable[[Tensor], Tensor] = keras.activations.relu,
    output_initializer: keras.initializers.Initializer | None = None,
    seed: int | None = None,
    name: str = "made",
) -> keras.Model:
    """Builds a masked perceptron, x `(batch, dim)` to `(batch, dim, outputs)`, or of [x, context].

    The outputs of dimension i depend on the dimensions before i in the order, and on all of the
    context `(batch, context)`.

    Args:
        dim: how many dimensions, at least 1.
        outputs: for each dimension: 1 for a coin's logit, 2 for a mean and a scale, ...
        hidden: widths of the hidden layers.
        context: how many numbers the context has; None: no such input.
        order: the dimensions from the first to the last, as (2, 0, 1); None: 0, 1, 2, ...
        activation: after each hidden layer.
        output_initializer: of the last kernel; None: `GlorotUniform`; zeros start all outputs at 0.
        seed: of the initial weights, the same on every backend; None: fresh ones.
        name: of the model.

    Raises:
        ValueError: where a number is below 1, or the order is no permutation.

    Source: "MADE: Masked Autoencoder for Distribution Estimation" (Germain et al., 2015), section 4;
    the degrees of the hidden units go round, so that the same masks come out everywhere.

    >>> made(3, 2, context=4).output_shape
    (None, 3, 2)
    """
    check_whole(dim=dim, outputs=outputs)
    hidden = as_shape(hidden, "hidden", "(64, 64)")
    sizes = (dim, outputs, *hidden, *([] if context is None else [context]))
    if min(sizes) < 1:
        raise ValueError(f"expected dim, outputs, hidden and context of at least 1, got {sizes}")
    order = tuple(range(dim)) if order is None else tuple(order)
    if sorted(order) != list(range(dim)):
        raise ValueError(f"expected the order of {dim} dimensions, each of them once, got {order}")
    seeds = layer_seeds(seed)
    x = layers.Input((dim,), name="x")
    told = None if context is None else layers.Input((context,), name="context")
    degrees = tuple(order.index(i) + 1 for i in range(dim))
    h, before = x, degrees
    for index, width in enumerate(hidden):
        part = f"hidden_{index}"
        after = _hidden_degrees(width, dim, lowest=1 if told is None else 0)
        kernel = GlorotUniform(next(seeds))
        h = MaskedDense(before, after, kernel_initializer=kernel, name=f"{part}-dense")(h)
        if told is not None:
            h = _with_context(h, told, after, next(seeds), part)
        h, before = layers.Activation(activation, name=f"{part}-activation")(h), after
    kernel = output_initializer or GlorotUniform(next(seeds))
    ends = tuple(degree for degree in degrees for _ in range(outputs))
    last = MaskedDense(before, ends, strict=True, kernel_initializer=kernel, name="output-dense")
    y = ByDimension(outputs, name="output-by_dimension")(last(h))
    return Functional(x if told is None else [x, told], y, name=name)


def order_of(network: keras.Model) -> list[int] | None:
    """The dimensions of a `made` from the first to the last; None for a network of another kind.

    >>> order_of(made(3, 2, order=(2, 0, 1)))
    [2, 0, 1]
    """
    last = [x for x in network.layers if isinstance(x, MaskedDense) and x.strict]
    if len(last) != 1 or not isinstance(network.layers[-1], ByDimension):
        return None
    degrees = last[0].degrees_out[:: network.layers[-1].outputs]
    return np.argsort(degrees).tolist()


def _with_context(
    h: keras.KerasTensor, context: keras.KerasTensor, degrees: tuple[int, ...], seed: int, name: str
) -> keras.KerasTensor:
    """Adds a linear map of the context, of which every unit sees all."""
    seen = MaskedDense(
        (0,) * context.shape[-1],
        degrees,
        use_bias=False,
        kernel_initializer=GlorotUniform(seed),
        name=f"{name}-context",
    )
    return layers.Add(name=f"{name}-add")([h, seen(context)])


def _hidden_degrees(width: int, dim: int, lowest: int) -> tuple[int, ...]:
    """lowest, ..., dim - 1, again and again; units of degree 0 see the context only."""
    lowest = min(lowest, dim - 1)
    return tuple(lowest + k % (dim - lowest) for k in range(width))
