"""TensorFlow's implementation of `kgen.backend`."""

from kgen.backend.tensorflow.export import write_export
from kgen.backend.tensorflow.kernels import batch_norm, prefers_matmul
from kgen.backend.tensorflow.step import (
    apply_gradients,
    compile_program,
    concrete,
    fit_strategy,
    gradient,
    jvp,
    step_function,
    value_and_grad,
    vjp,
)
from kgen.backend.tensorflow.threefry import threefry

__all__ = [
    "apply_gradients",
    "batch_norm",
    "compile_program",
    "concrete",
    "fit_strategy",
    "gradient",
    "jvp",
    "prefers_matmul",
    "step_function",
    "threefry",
    "value_and_grad",
    "vjp",
    "write_export",
]
