"""Which operations of XLA are slow: XLA fuses the rest of what layers compute by itself."""

import jax


def prefers_matmul(filters: int) -> bool:
    """See `kgen.backend.prefers_matmul`: on a CPU, whatever the number of channels.

    XLA compiles the kernel gradient of `lax.conv_transpose` to a naive loop, 9 to 40 times slower than
    a matrix product where there are many channels.
    """
    return jax.default_backend() == "cpu"
