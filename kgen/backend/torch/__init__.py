"""PyTorch's implementation of `kgen.backend`."""

from kgen.backend.torch.kernels import attention, batch_norm, conv, conv_transpose, group_norm
from kgen.backend.torch.loop import loop_body
from kgen.backend.torch.step import (
    apply_gradients,
    compile_program,
    concrete,
    gradient,
    jvp,
    step_function,
    value_and_grad,
    vjp,
)
from kgen.backend.torch.threefry import threefry

__all__ = [
    "apply_gradients",
    "attention",
    "batch_norm",
    "compile_program",
    "concrete",
    "conv",
    "conv_transpose",
    "gradient",
    "group_norm",
    "jvp",
    "loop_body",
    "step_function",
    "threefry",
    "value_and_grad",
    "vjp",
]
