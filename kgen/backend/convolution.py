"""Which of two equal ways to compute a transposed convolution is the faster one here."""

import keras


def prefers_matmul() -> bool:
    """Whether a transposed convolution is better written as a matrix product.

    So it is on JAX on a CPU: XLA compiles the kernel gradient of `lax.conv_transpose` to a naive
    loop, 9 to 40 times slower than a matrix product where there are many channels. oneDNN
    (TensorFlow, torch) and the GPU libraries have good transposed convolutions of their own.
    """
    if keras.backend.backend() != "jax":
        return False
    import jax

    return jax.default_backend() == "cpu"
