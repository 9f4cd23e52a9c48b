"""Statistics of the batch: what a discriminator must see to notice that all fakes are alike."""

import keras
from keras import ops

from kgen.backend import Tensor


@keras.saving.register_keras_serializable("kgen")
class MinibatchStandardDeviation(keras.layers.Layer):
    """Adds a feature: the standard deviation over the batch, averaged over all positions and features,

        s = mean over features of sqrt(var over the batch + 1e-8).

    `(batch, ..., c)` becomes `(batch, ..., c + 1)`; the new feature is the same for all examples and
    positions. What a network with this layer says of an example depends on its batch: judge real and
    fake examples apart (`GAN(joint_batch=False)`).

    Args:
        kwargs: of `keras.layers.Layer`: name, dtype.

    Source: "Progressive Growing of GANs" (Karras et al., 2018), section 3.

    >>> import numpy as np
    >>> x = np.array([[0.0], [2.0]], "float32")
    >>> [round(float(row[1]), 4) for row in MinibatchStandardDeviation()(x)]
    [1.0, 1.0]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Puts the new feature behind the others."""
        x = ops.cast(inputs, "float32")
        centred = x - ops.mean(x, axis=0, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=0)
        spread = ops.mean(ops.sqrt(variance + 1e-8))
        feature = ops.zeros_like(inputs[..., :1]) + ops.cast(spread, inputs.dtype)
        return ops.concatenate([inputs, feature], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One feature more."""
        return (*input_shape[:-1], input_shape[-1] + 1)
