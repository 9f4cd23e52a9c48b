"""What a network costs: its parameters, and the floating-point operations of one forward pass."""

import math
from collections.abc import Callable

import keras
from keras import layers

from kgen.layers import Attention

_CONV = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
_CONV_TRANSPOSE = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)


def parameters(network: keras.Model) -> int:
    """Counts the trainable numbers of a network.

    >>> from kgen.networks import mlp
    >>> parameters(mlp(3, 2, hidden=()))
    8
    """
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)


def flops(network: keras.Model, batch: int = 1) -> int:
    """Counts the floating-point operations of one forward pass, two for each multiply-add.

    Counted are the products of convolutions, Dense, EinsumDense and attention layers: all but a few
    percent of a network's work. Sums, normalisations, activations and what else takes each element
    by itself count nothing. A training step costs about three times as many: the backward pass makes
    two products for each one of the forward pass.

    Args:
        network: a functional or sequential model, also of such models; known shapes but for the batch.
        batch: examples.

    Raises:
        ValueError: where a layer has weights that multiply and that this does not know, a layer is
            used more than once, or a shape is unknown.

    >>> from kgen.networks import mlp
    >>> flops(mlp(3, 2, hidden=()), batch=10)
    120
    """
    return batch * sum(_flops(layer) for layer in network.layers)


def _flops(layer: keras.layers.Layer) -> int:
    """The operations of one layer for one example."""
    if len(layer._inbound_nodes) > 1:  # the shapes are those of the first use
        raise ValueError(
            f"layer {layer.name!r} is used more than once: count networks that share it apart"
        )
    if isinstance(layer, keras.Model):
        return flops(layer)
    for kinds, rule in _RULES.items():
        if isinstance(layer, kinds):
            return 2 * rule(layer)
    if any(len(variable.shape) > 1 for variable in layer.trainable_variables):
        if isinstance(layer, layers.Embedding):  # looks up, multiplies nothing
            return 0
        raise ValueError(
            f"cannot count the operations of layer {layer.name!r}: {type(layer).__name__} is unknown. "
            "Build the network of convolutions, Dense, EinsumDense and kgen.layers.Attention"
        )
    return 0


def _positions(shape: tuple[int | None, ...], layer: keras.layers.Layer) -> int:
    """The product of the axes between batch and channels."""
    if None in shape[1:]:
        raise ValueError(f"layer {layer.name!r} has the unknown shape {shape}: fix its input's shape")
    return math.prod(shape[1:-1])


def _shapes(layer: keras.layers.Layer) -> tuple[list, tuple]:
    """The shapes of a layer's inputs and of its output."""
    return [x.shape for x in keras.tree.flatten(layer.input)], layer.output.shape


def _conv(layer: keras.layers.Layer) -> int:
    return math.prod(layer.kernel.shape) * _positions(_shapes(layer)[1], layer)


def _conv_transpose(layer: keras.layers.Layer) -> int:
    return math.prod(layer.kernel.shape) * _positions(_shapes(layer)[0][0], layer)


def _dense(layer: keras.layers.Dense) -> int:
    return math.prod(layer.kernel.shape) * _positions(_shapes(layer)[0][0], layer)


def _einsum_dense(layer: layers.EinsumDense) -> int:
    """The product of the sizes of all letters of the equation but the batch's."""
    letters = layer.equation.split("->")[0]
    inputs, kernel = letters.split(",")
    (shape,) = _shapes(layer)[0]
    rest = len(shape) - len(inputs.replace("...", ""))
    named = inputs.replace("...", "." * rest)
    sizes = [size for letter, size in zip(named, shape, strict=True) if letter not in kernel][1:]
    return math.prod(sizes) * math.prod(layer.kernel.shape)


def _attention(layer: Attention) -> int:
    """Two products, of queries with keys and of weights with values, m n channels each."""
    queries, keys = _shapes(layer)[0][:2]
    return 2 * _positions(queries, layer) * _positions(keys, layer) * queries[-1]


_RULES: dict[tuple, Callable[..., int]] = {
    _CONV: _conv,
    _CONV_TRANSPOSE: _conv_transpose,
    (layers.Dense,): _dense,
    (layers.EinsumDense,): _einsum_dense,
    (Attention,): _attention,
}
