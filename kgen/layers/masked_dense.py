"""The layers of MADE: each unit has a degree, the number of dimensions that it may see."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor
from kgen.layers.causal import CausalLayer
from kgen.layers.initializers import GlorotUniform


@keras.saving.register_keras_serializable("kgen")
class MaskedDense(CausalLayer):
    """A dense layer that keeps the weight from input i to output j only where j may see i.

    Unit i of degree m sees what comes at or before place m in the order; so output j sees input i
    where degree_out[j] >= degree_in[i], or with `strict` where degree_out[j] > degree_in[i].

    A step of a causal network takes the units of one degree, none of them twice: the steps of all
    dimensions together cost as much as one call.

    Args:
        degrees_in: of the inputs, one integer each, at least 0.
        degrees_out: of the outputs.
        strict: whether equal degrees do not see one another: the last layer.
        use_bias: whether a bias is added.
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
        use_bias: bool = True,
        kernel_initializer: keras.initializers.Initializer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.degrees_in = tuple(degrees_in)
        self.degrees_out = tuple(degrees_out)
        self.strict = strict
        self.use_bias = use_bias
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
        if self.use_bias:
            self.bias = self.add_weight(shape=shape[1:], initializer="zeros", name="bias")

    def call(self, inputs: Tensor) -> Tensor:
        """Maps `(batch, inputs)` to `(batch, outputs)`."""
        kernel = ops.cast(self.kernel, inputs.dtype)
        mask = ops.convert_to_tensor(self.mask, dtype=inputs.dtype)
        outputs = ops.matmul(inputs, kernel * mask)
        return outputs + ops.cast(self.bias, inputs.dtype) if self.use_bias else outputs

    def start(self, batch: Tensor | int) -> tuple[Tensor, Tensor, Tensor]:
        """A place for the inputs of each degree; the kernel and the bias, cut up by degrees."""
        rows, columns = (units_by_degree(degrees) for degrees in (self.degrees_in, self.degrees_out))
        kernel = ops.pad(ops.cast(self.kernel, self.compute_dtype), ((0, 1), (0, 1)))
        kernel = ops.take(kernel, ops.convert_to_tensor(rows.reshape(-1)), axis=0)
        kernel = ops.take(kernel, ops.convert_to_tensor(columns.reshape(-1)), axis=1)
        kernel = ops.transpose(ops.reshape(kernel, (rows.size, *columns.shape)), (1, 2, 0))
        bias = self.bias if self.use_bias else ops.zeros(len(self.degrees_out))
        bias = ops.pad(ops.cast(bias, self.compute_dtype), ((0, 1),))
        bias = ops.take(bias, ops.convert_to_tensor(columns), axis=0)
        return ops.zeros((*rows.shape, batch), self.compute_dtype), kernel, bias

    def step(
        self, inputs: Tensor, memory: tuple[Tensor, Tensor, Tensor], index: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Takes the inputs of degree `index`; gives the outputs of that degree, or of the next.

        Of the next with `strict`. Where a degree has fewer units than another, more follow that
        nothing looks at.
        """
        known, kernel, bias = memory  # (places, units, batch), (degrees, units, places units), ...
        fresh, places = ops.transpose(inputs), known.shape[0]
        place = ops.minimum(ops.convert_to_tensor(index, dtype="int32"), places - 1)
        degree = ops.minimum(index + int(self.strict), kernel.shape[0] - 1)
        kernel, shift = (ops.take(whole, degree, axis=0) for whole in (kernel, bias))
        # What is later than the step is 0 yet: that is the mask. Apart from the new inputs, so that
        # compilers read the place of all and then change it, and need no copy.
        outputs = ops.matmul(kernel, ops.reshape(known, (kernel.shape[1], -1)))
        kernel = ops.reshape(kernel, (-1, places, known.shape[1]))
        outputs = outputs + ops.matmul(ops.take(kernel, place, axis=1), fresh)
        known = ops.scatter_update(known, ops.reshape(place, (1, 1)), ops.expand_dims(fresh, 0))
        return ops.transpose(outputs) + shift, (known, *memory[1:])

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One number for each degree of the outputs."""
        return (*input_shape[:-1], len(self.degrees_out))

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return super().get_config() | {
            "degrees_in": self.degrees_in,
            "degrees_out": self.degrees_out,
            "strict": self.strict,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.saving.serialize_keras_object(self.kernel_initializer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MaskedDense":
        """Rebuilds the layer."""
        initializer = keras.saving.deserialize_keras_object(config["kernel_initializer"])
        return cls(**config | {"kernel_initializer": initializer})


@keras.saving.register_keras_serializable("kgen")
class ByDimension(CausalLayer):
    """Gives each dimension its outputs: `(batch, dim * outputs)` to `(batch, dim, outputs)`.

    Args:
        outputs: of a dimension, which lie side by side.
        kwargs: of `keras.layers.Layer`: name, dtype.

    >>> tuple(ByDimension(2)(np.ones((4, 6), "float32")).shape)
    (4, 3, 2)
    """

    def __init__(self, outputs: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.outputs = outputs

    def call(self, inputs: Tensor) -> Tensor:
        """Cuts the last axis into pieces."""
        return ops.reshape(inputs, (-1, inputs.shape[-1] // self.outputs, self.outputs))

    def step(self, inputs: Tensor, memory: Any, index: Tensor) -> tuple[Tensor, Any]:
        """The outputs of one dimension."""
        return self.call(inputs), memory

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return super().get_config() | {"outputs": self.outputs}


def units_by_degree(degrees: Sequence[int]) -> np.ndarray:
    """The numbers of the units of each degree 0, 1, ..., int32 `(1 + largest + 1, most of one)`.

    Rows with fewer units are filled up with `len(degrees)`, a unit that there is not; a last row, for
    all larger degrees, has nothing else.

    >>> units_by_degree((1, 2, 1)).tolist()
    [[3, 3], [0, 2], [1, 3], [3, 3]]
    """
    found = [np.flatnonzero(np.array(degrees) == degree) for degree in range(max(degrees) + 2)]
    most = max(len(units) for units in found)
    filled = [np.pad(u, (0, most - len(u)), constant_values=len(degrees)) for u in found]
    return np.stack(filled).astype("int32")
