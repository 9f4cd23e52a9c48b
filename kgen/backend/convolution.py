"""Which of two equal ways to compute a transposed convolution is the faster one here."""

import functools

import keras


def prefers_matmul(filters: int) -> bool:
    """Whether a transposed convolution to so many channels is better written as a matrix product.

    So it is on JAX on a CPU: XLA compiles the kernel gradient of `lax.conv_transpose` to a naive
    loop, 9 to 40 times slower than a matrix product where there are many channels. So it is on
    TensorFlow on a CPU for one channel, on which oneDNN's kernel wastes most of its work. Else oneDNN
    (TensorFlow, torch) and the GPU libraries have good transposed convolutions of their own.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.default_backend() == "cpu"
    return backend == "tensorflow" and filters == 1 and _tensorflow_on_cpu()


@functools.cache
def _tensorflow_on_cpu() -> bool:
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")
