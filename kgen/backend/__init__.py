"""The only room that imports TensorFlow, JAX or PyTorch: derivatives and compiled programs.

Everything else in a train step is Keras. The functions here have one meaning on every backend. A wing
for each backend implements them: `kgen.backend.jax`, `kgen.backend.tensorflow`, `kgen.backend.torch`;
it leaves out what its backend does not need, or has no faster way for than Keras.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import keras

from kgen.backend.calculus import divergence
from kgen.backend.loops import fori_loop, while_loop
from kgen.backend.scope import Function, Tensor

if keras.backend.backend() == "tensorflow":
    from kgen.backend import tensorflow as _wing
elif keras.backend.backend() == "jax":
    from kgen.backend import jax as _wing
elif keras.backend.backend() == "torch":
    from kgen.backend import torch as _wing
else:
    raise ImportError(
        f"kgen runs on the Keras backends tensorflow, jax and torch, got "
        f"{keras.backend.backend()!r}: set KERAS_BACKEND to one of them"
    )

__all__ = [
    "Function",
    "Tensor",
    "apply_gradients",
    "attention",
    "batch_norm",
    "compile_program",
    "concrete",
    "conv",
    "conv_transpose",
    "divergence",
    "fit_strategy",
    "fori_loop",
    "gradient",
    "group_norm",
    "jvp",
    "keep_weights",
    "loop_body",
    "prefers_matmul",
    "step_function",
    "synchronize",
    "threefry",
    "together",
    "value_and_grad",
    "vjp",
    "while_loop",
    "write_export",
]


def value_and_grad(
    fn: Callable[[], tuple[Tensor, Any]], variables: Sequence[keras.Variable]
) -> tuple[tuple[Tensor, Any], list[Tensor | None]]:
    """Evaluates a loss and its gradient with respect to variables.

    Args:
        fn: no arguments; returns `(loss, auxiliary)`, the loss a scalar tensor. It may assign to
            other variables (BatchNorm statistics, random streams): the new values are kept.
        variables: what to differentiate with respect to.

    Returns:
        `(loss, auxiliary)` without gradients, and one gradient a variable (zeros or None where the
        loss does not depend on it).
    """
    return _wing.value_and_grad(fn, variables)


def gradient(fn: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Differentiates a scalar function of a tensor; the result can be differentiated again.

    Args:
        fn: takes a tensor, gives a scalar tensor.
        x: where; float, any shape.

    Returns:
        A tensor of the shape of `x`; zeros where `fn` does not depend on it.

    >>> from keras import ops
    >>> float(gradient(lambda x: ops.sum(x**2), ops.convert_to_tensor([3.0]))[0])
    6.0
    """
    return _wing.gradient(fn, x)


def jvp(fn: Callable[[Tensor], Tensor], x: Tensor, tangent: Tensor) -> tuple[Tensor, Tensor]:
    """Gives `fn(x)` and the product of its Jacobian at `x` with `tangent` (of the shape of `x`)."""
    return _wing.jvp(fn, x, tangent)


def vjp(fn: Callable[[Tensor], Tensor], x: Tensor, cotangent: Tensor) -> tuple[Tensor, Tensor]:
    """Gives `fn(x)` and the product of `cotangent` (of the shape of `fn(x)`) with the Jacobian."""
    return _wing.vjp(fn, x, cotangent)


def apply_gradients(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[Tensor | None],
    variables: Sequence[keras.Variable],
) -> None:
    """Takes one optimizer step: the optimizer must be built on exactly these variables."""
    _wing.apply_gradients(optimizer, gradients, variables)


def compile_program(
    fn: Callable[..., Any], variables: Sequence[keras.Variable], jit: bool
) -> Callable[..., Any]:
    """Compiles a pure function of tensors that reads variables; it sees their later values too.

    Args:
        fn: takes tensors, gives nested tensors; assigns to no variable.
        variables: all that `fn` reads.
        jit: XLA on TensorFlow and JAX, one traced graph on torch; False: a plain graph on
            TensorFlow, eager elsewhere.
    """
    return _wing.compile_program(fn, variables, jit)


def loop_body(body: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the form of a loop's body that is compiled once: itself, where the backend has loops."""
    own = _own("loop_body", body)
    return body if own is None else own


def step_function(model: keras.Model, step: Callable, training: bool) -> Callable | None:
    """Makes what `fit` (or `evaluate`) calls with each batch; None where Keras' own is right."""
    return _own("step_function", model, step, training)


def together(models: Sequence[keras.Model]) -> Any:
    """Gives what trains models of one architecture in one program; None where there is none.

    An object with `run(batches)`, which trains for an epoch on nested arrays `(steps, models, batch,
    ...)` and gives the logs, each `(models,)`, and `store()`, which updates the models' variables.
    """
    return _own("together", models)


def concrete() -> AbstractContextManager[Any]:
    """Inside, constants are computed at once, also while a program is being traced.

    For numbers that decide what the program is: the times of a grid, the ends of an interval.
    """
    return _wing.concrete()


def threefry(k0: Tensor, k1: Tensor, x0: Tensor, x1: Tensor) -> tuple[Tensor, Tensor]:
    """Encrypts counters, two int32 words each, under keys of two words, by Threefry-2x32-20."""
    return _wing.threefry(k0, k1, x0, x1)


def batch_norm(
    x: Tensor, scale: Tensor, offset: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor] | None:
    """Normalises `(batch, height, width, channels)` by its own statistics, in one fused operation.

    Gives the result, the means and the biased variances of the channels; None where the backend has
    no faster way than `keras.ops`.
    """
    return _own("batch_norm", x, scale, offset, epsilon)


def group_norm(
    x: Tensor, scale: Tensor | None, offset: Tensor | None, groups: int, epsilon: float
) -> Tensor | None:
    """Normalises float32 `(batch, ..., channels)` by group, in one fused operation.

    None where the backend has no faster way than `keras.ops`.
    """
    return _own("group_norm", x, scale, offset, groups, epsilon)


def attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor | None:
    """Computes softmax(Q K^T / sqrt(d)) V on `(batch, heads, n, d)`, in one fused operation.

    None where the backend has no faster way than `keras.ops`.
    """
    return _own("attention", queries, keys, values)


def conv(
    inputs: Tensor, kernel: Tensor, bias: Tensor | None, strides: tuple[int, int], padding: str
) -> Tensor | None:
    """Computes `keras.ops.conv` of images, channels last, and adds a bias.

    Args:
        inputs: `(batch, height, width, channels)`.
        kernel: `(height, width, channels, filters)`.
        bias: `(filters,)`; None: none.
        strides: of the two axes.
        padding: "same" or "valid".

    None where the backend has no faster way than `keras.ops`.
    """
    return _own("conv", inputs, kernel, bias, strides, padding)


def conv_transpose(
    inputs: Tensor, kernel: Tensor, bias: Tensor | None, strides: tuple[int, int], padding: str
) -> Tensor | None:
    """Computes `keras.ops.conv_transpose`, channels last, and adds a bias.

    None where the backend has no faster way than `keras.ops`.
    """
    return _own("conv_transpose", inputs, kernel, bias, strides, padding)


def fit_strategy(strategy: Any) -> Any:
    """Returns the distribution strategy for Keras' trainer: `strategy`, or a variant of it."""
    own = _own("fit_strategy", strategy)
    return strategy if own is None else own


def prefers_matmul(filters: int) -> bool:
    """Whether a transposed convolution to so many channels is faster as a matrix product.

    False where the backend has good transposed convolutions of its own: on GPUs, and by oneDNN.
    """
    return bool(_own("prefers_matmul", filters))


def synchronize(model: keras.Model) -> None:
    """Brings the variables up to date inside a callback of `fit`, where the backend needs that."""
    _own("synchronize", model)


def keep_weights(model: keras.Model) -> AbstractContextManager[Iterator[None]]:
    """Guards `fit`, `evaluate` and `predict`: an exception inside leaves the model with its weights."""
    own = _own("keep_weights", model)
    return nullcontext() if own is None else own


def write_export(model: keras.Model, directory: Path, format: str, jit_compile: bool) -> bool:
    """Writes a model's endpoints into a directory; see `kgen.export.export`.

    Returns False, and writes nothing, where only a process on TensorFlow could: ONNX, TensorFlow
    operations without XLA, and all that comes from torch.
    """
    return bool(_own("write_export", model, directory, format, jit_compile))


def _own(name: str, *arguments: Any) -> Any:
    """Calls the wing's function of that name; None where it has none."""
    function = getattr(_wing, name, None)
    return None if function is None else function(*arguments)
