"""Matrices by their triangular factors, whose determinant is a product of exponentials."""

import numpy as np
from keras import ops

from kgen.backend import Tensor


def lu_factors(lower: Tensor, upper: Tensor, log_diagonal: Tensor) -> tuple[Tensor, Tensor]:
    """Makes L, of a unit diagonal, and U, of diagonal exp(log_diagonal), from square matrices.

    >>> zeros = ops.zeros((2, 2))
    >>> left, right = lu_factors(zeros, zeros, zeros[0])
    >>> ops.convert_to_numpy(left @ right).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    below = np.tri(lower.shape[0], k=-1)
    below = ops.convert_to_tensor(below, dtype=lower.dtype)
    unit = ops.eye(lower.shape[0], dtype=lower.dtype)
    diagonal = unit * ops.exp(log_diagonal)
    return lower * below + unit, upper * ops.transpose(below) + diagonal


def lu_inverse(left: Tensor, right: Tensor) -> Tensor:
    """Gives (L U)^-1 of an L with a unit diagonal and of U, by matrix products alone.

    Not by a triangular solver: JAX's is foreign code on a CPU, which a SavedModel cannot hold.
    """
    unit = ops.eye(left.shape[0], dtype=left.dtype)
    diagonal = ops.sum(right * unit, axis=-1)
    # U = D (I + M), so U^-1 = (I + M)^-1 D^-1
    upper = _unit_inverse(right / ops.expand_dims(diagonal, -1) - unit) / diagonal
    return ops.matmul(upper, _unit_inverse(left - unit))


def _unit_inverse(n: Tensor) -> Tensor:
    """(I + N)^-1 = (I - N) (I + N^2) (I + N^4) ... of a strictly triangular N: a finite product."""
    power, degree = -n, 1
    inverse = ops.eye(n.shape[0], dtype=n.dtype) + power
    while 2 * degree < n.shape[0]:
        power, degree = ops.matmul(power, power), 2 * degree
        inverse = inverse + ops.matmul(power, inverse)
    return inverse
