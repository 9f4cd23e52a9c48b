"""An exponential moving average of a network: what samplers use instead of the last weights."""

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor


@keras.saving.register_keras_serializable("kgen")
class EMA(keras.layers.Layer):
    """Keeps a copy of a network whose weights follow the original's by an exponential average.

        average <- d * average + (1 - d) * weight,   d = min(decay, (1 + n) / (10 + n))

    after n updates: the second term is the warm-up, without which the first thousand steps sample
    from the initial weights. BatchNorm statistics are averaged too; integers are copied. Call the
    object to run the averaged network, always in inference mode. Its weights are never trained.

    Keras' own `use_ema=True` overwrites the trained weights after each `fit`, leaves out the
    BatchNorm statistics and fails on JAX at the second `fit`.

    Args:
        network: a built Keras layer or model that its config can rebuild.
        decay: in [0, 1).

    Raises ValueError for a decay outside [0, 1) or a network that is not built.
    """

    def __init__(self, network: keras.Layer, decay: float = 0.999, name: str = "ema") -> None:
        super().__init__(name=name, trainable=False)
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"expected an EMA decay in [0, 1), got {decay}")
        if not network.built:
            raise ValueError(
                f"network {network.name!r} has no weights to average yet: call it on a batch first"
            )
        self.decay = decay
        self._source = (network,)  # a tuple of one, so that Keras saves the network only once
        self.average = _rebuild(network)
        self.updates = self.add_weight(
            shape=(), dtype="int", trainable=False, initializer="zeros", name="updates"
        )
        self.built = True
        self.reset()

    def reset(self) -> None:
        """Starts the average afresh from the network's present weights: after loading others, say."""
        for average, weight in self._pairs():
            average.assign(
                np.array(weight.numpy())
            )  # a copy: JAX donates buffers, two must never be one
        self.updates.assign(0)

    def update(self) -> None:
        """Moves the average towards the network's present weights. Call once a train step."""
        n = ops.cast(self.updates, "float32")
        decay = ops.minimum(self.decay, (1.0 + n) / (10.0 + n))
        for average, weight in self._pairs():
            average.assign(_mix(average.value, weight.value, decay))
        self.updates.assign(self.updates + 1)

    def call(self, inputs: Tensor) -> Tensor:
        """Runs the averaged network in inference mode."""
        return self.average(inputs, training=False)

    def _pairs(self) -> list[tuple[keras.Variable, keras.Variable]]:
        averages, weights = self.average.weights, self._source[0].weights
        if len(averages) != len(weights):
            raise ValueError(
                f"network {self._source[0].name!r} has {len(weights)} weights, and had {len(averages)} "
                "when its average was made: change it (enable_lora, say) before the model is made"
            )
        return list(zip(averages, weights, strict=True))


def _mix(average: Tensor, weight: Tensor, decay: Tensor) -> Tensor:
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(average.dtype)):
        return ops.copy(weight)
    decay = ops.cast(decay, average.dtype)
    return decay * average + (1.0 - decay) * weight


def _rebuild(network: keras.Layer) -> keras.Layer:
    """Makes another network of the same config, frozen."""
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
    copy.trainable = False
    return copy
