"""Batch normalisation, fast on every backend."""

import keras
from keras import ops

from kgen import backend
from kgen.backend import Tensor


@keras.saving.register_keras_serializable("kgen")
class BatchNormalization(keras.layers.BatchNormalization):
    """Gives what `keras.layers.BatchNormalization` gives, in training by one fused operation.

    Arguments, weights, shapes and errors are those of the Keras layer. The fused operation of
    TensorFlow and torch takes channels-last images with scale and offset, and no mask; anything else
    goes Keras' way, which reads the images three times.

    Source: "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
    Shift" (Ioffe and Szegedy, 2015), algorithm 1.

    >>> import numpy as np
    >>> tuple(BatchNormalization()(np.zeros((2, 7, 7, 8), "float32"), training=True).shape)
    (2, 7, 7, 8)
    """

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        """Normalises `(batch, height, width, channels)`; training moves the moving statistics."""
        fused = self._fused(inputs) if training and self._may_fuse(inputs, mask) else None
        if fused is None:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = fused
        for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            # moving <- momentum * moving + (1 - momentum) * new
            moving.assign(moving * self.momentum + new * (1.0 - self.momentum))
        return ops.cast(outputs, self.compute_dtype)

    def _may_fuse(self, inputs: Tensor, mask: Tensor | None) -> bool:
        if mask is not None or self.renorm or self.synchronized or not self.trainable:
            return False
        affine = self.scale and self.center and self.variable_dtype == "float32"
        images = len(inputs.shape) == 4 and self.axis in (-1, 3)
        return affine and images and not isinstance(inputs, keras.KerasTensor)

    def _fused(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
        # In half precision the sums overflow: float32 inside, as in Keras.
        x, gamma, beta = (ops.cast(value, "float32") for value in (inputs, self.gamma, self.beta))
        return backend.batch_norm(x, gamma, beta, self.epsilon)
