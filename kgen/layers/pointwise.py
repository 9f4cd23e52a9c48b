"""Layers that take each position by itself."""

import keras
from keras import ops

from kgen.backend import Tensor


@keras.saving.register_keras_serializable("kgen")
class Gate(keras.layers.Layer):
    """Halves the channels: tanh of the first half times the sigmoid of the second.

    Raises:
        ValueError: for an odd number of channels.

    Source: "Conditional Image Generation with PixelCNN Decoders" (van den Oord et al., 2016),
    equation 2.

    >>> import numpy as np
    >>> tuple(Gate()(np.zeros((2, 5, 8), "float32")).shape)
    (2, 5, 4)
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Maps `(batch, ..., 2 * channels)` to `(batch, ..., channels)`."""
        if inputs.shape[-1] % 2:
            raise ValueError(f"expected an even number of channels, got {inputs.shape[-1]}")
        value, gate = ops.split(inputs, 2, axis=-1)
        return ops.tanh(value) * ops.sigmoid(gate)


@keras.saving.register_keras_serializable("kgen")
class AddVector(keras.layers.Layer):
    """Adds one vector an example, `(batch, channels)`, at each of its positions.

    >>> import numpy as np
    >>> x, vector = np.zeros((2, 5, 8), "float32"), np.ones((2, 8), "float32")
    >>> float(ops.sum(AddVector()(x, vector)))
    80.0
    """

    def call(self, inputs: Tensor, vector: Tensor) -> Tensor:
        """Maps `(batch, ..., channels)` to the same shape."""
        places = [1] * (len(inputs.shape) - 2)
        return inputs + ops.reshape(vector, (-1, *places, vector.shape[-1]))
