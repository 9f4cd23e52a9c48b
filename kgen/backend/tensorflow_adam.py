"""Adam in one pass over each weight: what Keras' Adam computes on TensorFlow, in one operation."""

from typing import Any

import keras
import tensorflow as tf


def update(optimizer: keras.optimizers.Adam, gradient: Any, variable: Any, learning_rate: Any) -> bool:
    """Takes the step in place; False, and nothing changed, where the kernel does not fit."""
    index = optimizer._get_variable_index(variable)
    slots = [optimizer._momentums[index], optimizer._velocities[index]]
    values = [v.value if isinstance(v, keras.Variable) else v for v in (variable, *slots)]
    if isinstance(gradient, tf.IndexedSlices) or not all(_plain(v) for v in values):
        return False
    step = keras.ops.cast(optimizer.iterations + 1, values[0].dtype)
    beta_1, beta_2 = optimizer.beta_1, optimizer.beta_2
    tf.raw_ops.ResourceApplyAdam(
        **dict(zip(("var", "m", "v"), (v.handle for v in values), strict=True)),
        beta1_power=tf.pow(tf.cast(beta_1, step.dtype), step),
        beta2_power=tf.pow(tf.cast(beta_2, step.dtype), step),
        lr=tf.cast(learning_rate, step.dtype),
        **{"beta1": beta_1, "beta2": beta_2, "epsilon": optimizer.epsilon},
        grad=gradient,
    )
    return True


def _plain(value: Any) -> bool:
    # a replicated or sharded variable has several handles
    return isinstance(value, tf.Variable) and type(value).__name__ == "ResourceVariable"
