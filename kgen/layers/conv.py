"""A convolution that also trains on a batch of one."""

import keras
from keras import ops

from kgen.backend import Tensor


@keras.saving.register_keras_serializable("kgen")
class Conv2D(keras.layers.Conv2D):
    """Gives what `keras.layers.Conv2D` gives.

    torch 2.13 on a CPU cannot differentiate a convolution to one channel of a batch of one: its
    kernel's gradient comes out in a layout that it then refuses. So a batch of one is computed twice.

    >>> import numpy as np
    >>> tuple(Conv2D(1, 3, padding="same")(np.zeros((1, 7, 7, 8), "float32")).shape)
    (1, 7, 7, 1)
    """

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Convolves images `(batch, height, width, channels)`."""
        if inputs.shape[0] != 1 or self.filters != 1:
            return super().convolution_op(inputs, kernel)
        return super().convolution_op(ops.concatenate([inputs, inputs]), kernel)[:1]
