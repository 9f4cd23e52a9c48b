"""What TensorFlow has a faster kernel for than Keras takes, and where its own are slow."""

import functools

import tensorflow as tf

from kgen.backend.scope import Tensor


def batch_norm(
    x: Tensor, scale: Tensor, offset: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """See `kgen.backend.batch_norm`."""
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, scale, offset, epsilon=epsilon)
    size = tf.cast(tf.size(x) // tf.size(mean), variance.dtype)
    # the kernel's variance is that of n - 1
    return y, mean, tf.stop_gradient(variance * ((size - 1.0) / size))


def prefers_matmul(filters: int) -> bool:
    """See `kgen.backend.prefers_matmul`: on a CPU to one channel, on which oneDNN wastes its work."""
    return filters == 1 and _on_cpu()


@functools.cache
def _on_cpu() -> bool:
    return not tf.config.list_physical_devices("GPU")
