"""Adam in one pass over each weight: what Keras' Adam computes on TensorFlow, in one operation."""

import functools
from typing import Any

import keras
import tensorflow as tf


class FusedAdam:
    """The innermost update for one step of an optimizer, whose scalars all weights share."""

    def __init__(self) -> None:
        self._scalars = functools.cache(_scalars)

    def __call__(
        self, optimizer: keras.optimizers.Adam, gradient: Any, variable: Any, learning_rate: Any
    ) -> bool:
        """Takes the step in place; False, and nothing changed, where the kernel does not fit."""
        index = optimizer._get_variable_index(variable)
        slots = [optimizer._momentums[index], optimizer._velocities[index]]
        values = [v.value if isinstance(v, keras.Variable) else v for v in (variable, *slots)]
        if isinstance(gradient, tf.IndexedSlices) or not all(_plain(v) for v in values):
            return False
        tf.raw_ops.ResourceApplyAdam(
            **dict(zip(("var", "m", "v"), (v.handle for v in values), strict=True)),
            **self._scalars(optimizer, values[0].dtype),
            lr=tf.cast(learning_rate, values[0].dtype),
            epsilon=optimizer.epsilon,
            grad=gradient,
        )
        return True


def _scalars(optimizer: keras.optimizers.Adam, dtype: tf.DType) -> dict[str, Any]:
    step = keras.ops.cast(optimizer.iterations + 1, dtype)
    betas = {"beta1": optimizer.beta_1, "beta2": optimizer.beta_2}
    powers = {f"{name}_power": tf.pow(tf.cast(beta, dtype), step) for name, beta in betas.items()}
    return betas | powers


def _plain(value: Any) -> bool:
    # a replicated or sharded variable has several handles
    return isinstance(value, tf.Variable) and type(value).__name__ == "ResourceVariable"
