"""The multilayer perceptron."""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from kgen.backend import Tensor
from kgen.layers import GlorotUniform
from kgen.networks.names import Functional, scoped
from kgen.networks.seeds import layer_seeds
from kgen.networks.shapes import as_shape, check_whole


@scoped
def mlp(
    input_dim: int,
    output_dim: int,
    hidden: Sequence[int] = (128, 128),
    activation: Callable[[Tensor], Tensor] = keras.activations.relu,
    output_activation: Callable[[Tensor], Tensor] | None = None,
    seed: int | None = None,
    name: str = "mlp",
) -> keras.Model:
    """Builds a multilayer perceptron, `(batch, input_dim)` to `(batch, output_dim)`.

    Args:
        input_dim: at least 1.
        output_dim: at least 1.
        hidden: widths of the hidden layers; () for a linear map.
        activation: after each hidden layer.
        output_activation: after the last layer; None: linear.
        seed: of the initial weights, the same on every backend; None: fresh ones.
        name: of the model.

    Raises:
        ValueError: where a width is below 1.

    >>> mlp(2, 1, hidden=(8,)).count_params()
    33
    """
    check_whole(input_dim=input_dim, output_dim=output_dim)
    widths = (input_dim, *as_shape(hidden, "hidden", "(128, 128)"), output_dim)
    if min(widths) < 1:
        raise ValueError(f"expected widths of at least 1, got {widths}")
    seeds = layer_seeds(seed)
    inputs = x = layers.Input((input_dim,), name="inputs")
    parts = [(f"hidden_{index}", width, activation) for index, width in enumerate(hidden)]
    for part, width, function in [*parts, ("output", output_dim, output_activation)]:
        kernel = GlorotUniform(next(seeds))
        x = layers.Dense(width, activation=function, kernel_initializer=kernel, name=part)(x)
    return Functional(inputs, x, name=name)
