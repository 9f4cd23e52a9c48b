"""MADE: a perceptron whose outputs each see only the inputs before them."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kgen.backend import Tensor
from kgen.layers import GlorotUniform
from kgen.networks.seeds import layer_seeds


@keras.saving.register_keras_serializable("kgen")
class MaskedDense(keras.layers.Layer):
    """A dense layer that keeps the weight from input i to output j only where j may see i.

    Unit i of degree m sees what comes at or before place m in the order; so output j sees input i
    where degree_out[j] >= degree_in[i], or with `strict` where degree_out[j] > degree_in[i].

    Args:
        degrees_in: of the inputs, one integer each.
        degrees_out: of the outputs.
        strict: whether equal degrees do not see one another: the last layer.
        kernel_initializer: None: `GlorotUniform()`.
        kwargs: of `keras.layers.Layer`: name, dtype.

    Source: "MADE: Masked Autoencoder for Distribution Estimation" (Germain et al., 2015), equations 12
    and 13.

    >>> tuple(MaskedDense((1, 2), (1, 1, 1))(np.ones((4, 2), "float32")).shape)
    (4, 3)
    """

    def __init__(
        self,
        degrees_in: Sequence[int],
        degrees_out: Sequence[int],
        strict: bool = False,
        kernel_initializer: keras.initializers.Initializer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.degrees_in = tuple(degrees_in)
        self.degrees_out = tuple(degrees_out)
        self.strict = strict
        self.kernel_initializer = kernel_initializer or GlorotUniform()

    @property
    def mask(self) -> np.ndarray:
        """1 where output j sees input i, float32 `(inputs, outputs)`; a constant."""
        seen = np.array(self.degrees_out)[None] - np.array(self.degrees_in)[:, None]
        return (seen > 0 if self.strict else seen >= 0).astype("float32")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the kernel and the bias."""
        shape = len(self.degrees_in), len(self.degrees_out)
        self.kernel = self.add_weight(shape=shape, initializer=self.kernel_initializer, name="kernel")
        self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")

    def call(self, inputs: Tensor) -> Tensor:
        """Maps `(batch, inputs)` to `(batch, outputs)`."""
        kernel = ops.cast(self.kernel, inputs.dtype)
        mask = ops.convert_to_tensor(self.mask, dtype=inputs.dtype)
        return ops.matmul(inputs, kernel * mask) + ops.cast(self.bias, inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One number for each degree of the outputs."""
        return (*input_shape[:-1], len(self.degrees_out))

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return super().get_config() | {
            "degrees_in": self.degrees_in,
            "degrees_out": self.degrees_out,
            "strict": self.strict,
            "kernel_initializer": keras.saving.serialize_keras_object(self.kernel_initializer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MaskedDense":
        """Rebuilds the layer."""
        initializer = keras.saving.deserialize_keras_object(config["kernel_initializer"])
        return cls(**config | {"kernel_initializer": initializer})


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
    for width in hidden:
        after = _hidden_degrees(width, dim, lowest=1 if told is None else 0)
        h = MaskedDense(before, after, kernel_initializer=GlorotUniform(next(seeds)))(h)
        if told is not None:
            kernel = GlorotUniform(next(seeds))
            h = h + layers.Dense(width, use_bias=False, kernel_initializer=kernel)(told)
        h, before = layers.Activation(activation)(h), after
    kernel = output_initializer or GlorotUniform(next(seeds))
    ends = tuple(degree for degree in degrees for _ in range(outputs))
    y = layers.Reshape((dim, outputs))(MaskedDense(before, ends, True, kernel)(h))
    return keras.Model(x if told is None else [x, told], y, name=name)


def _hidden_degrees(width: int, dim: int, lowest: int) -> tuple[int, ...]:
    """lowest, ..., dim - 1, again and again; units of degree 0 see the context only."""
    lowest = min(lowest, dim - 1)
    return tuple(lowest + k % (dim - lowest) for k in range(width))
