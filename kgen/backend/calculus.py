"""What follows from the derivatives on every backend alike: the divergence of a vector field."""

from collections.abc import Callable

import numpy as np
from keras import ops

from kgen.backend.scope import Tensor


def divergence(
    fn: Callable[[Tensor], Tensor], x: Tensor, noise: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Evaluates a vector field and its divergence, the trace of its Jacobian, for each example.

    Without noise the trace is exact: one forward derivative for each dimension. With noise of zero
    mean and unit covariance it is Hutchinson's estimate noise . J noise, one derivative in all.

    Args:
        fn: `(batch, ...)` to the same shape; each example by itself.
        x: float `(batch, ...)`, a static shape but for the batch.
        noise: None, or a tensor of the shape of `x`.

    Returns:
        `fn(x)`, and float `(batch,)`.

    Source: "FFJORD" (Grathwohl et al., 2019), equation 7.
    """
    from kgen import backend

    if noise is not None:
        value, product = backend.jvp(fn, x, noise)
        return value, _sum_examples(noise * product)
    shape = tuple(x.shape[1:])
    total, value = 0.0, None
    for index in range(int(np.prod(shape))):
        unit = np.zeros(shape, dtype="float32")
        unit.flat[index] = 1.0
        direction = ops.zeros_like(x) + ops.convert_to_tensor(unit, dtype=x.dtype)
        value, product = backend.jvp(fn, x, direction)
        total = total + _sum_examples(direction * product)
    return value, total


def _sum_examples(x: Tensor) -> Tensor:
    return ops.sum(ops.reshape(x, (ops.shape(x)[0], -1)), axis=-1)
