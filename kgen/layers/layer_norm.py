"""Layer normalisation, with its second derivative on every backend."""

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.layers.group_norm import group_norm


@keras.saving.register_keras_serializable("kgen")
class LayerNormalization(keras.layers.LayerNormalization):
    """Gives what `keras.layers.LayerNormalization` gives over the last axis.

    Keras' own has a wrong second derivative on TensorFlow, whose moments hold the mean fixed inside
    the variance. Arguments, weights, shapes and errors are those of the Keras layer.

    Source: "Layer Normalization" (Ba et al., 2016), equations 3 and 4.

    >>> import numpy as np
    >>> tuple(LayerNormalization()(np.zeros((2, 7, 8), "float32")).shape)
    (2, 7, 8)
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Normalises each vector of `(batch, ..., channels)`."""
        last = self.axis in (-1, [-1], [len(inputs.shape) - 1])
        if not last or self.rms_scaling or isinstance(inputs, keras.KerasTensor):
            return super().call(inputs)
        x = ops.cast(inputs, "float32")
        scale = None if self.gamma is None else ops.cast(self.gamma, "float32")
        offset = None if self.beta is None else ops.cast(self.beta, "float32")
        rows = ops.reshape(x, (-1, 1, x.shape[-1]))
        outputs = ops.reshape(group_norm(rows, scale, offset, 1, self.epsilon), ops.shape(x))
        return ops.cast(outputs, self.compute_dtype)
