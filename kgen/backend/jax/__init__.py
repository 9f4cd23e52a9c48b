"""JAX's implementation of `kgen.backend`; Keras' own trainer compiles the stateless step."""

from kgen.backend.jax.kernels import prefers_matmul
from kgen.backend.jax.step import (
    apply_gradients,
    compile_program,
    concrete,
    gradient,
    jvp,
    keep_weights,
    synchronize,
    threefry,
    together,
    value_and_grad,
    vjp,
    write_export,
)

__all__ = [
    "apply_gradients",
    "compile_program",
    "concrete",
    "gradient",
    "jvp",
    "keep_weights",
    "prefers_matmul",
    "synchronize",
    "threefry",
    "together",
    "value_and_grad",
    "vjp",
    "write_export",
]
