"""Matrices by their triangular factors, whose determinant is a product of exponentials."""

import numpy as np
from keras import ops

from kgen.backend import Tensor


def lu_factors(lower: Tensor, upper: Tensor, log_diagonal: Tensor) -> tuple[Tensor, Tensor]:
    """Makes L, of a unit diagonal, and U, of diagonal exp(log_diagonal), from square matrices.

    >>> zeros = np.zeros((2, 2), "float32")
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
    """Gives (L U)^-1 of triangular L and U."""
    unit = ops.eye(left.shape[0], dtype=left.dtype)
    return ops.solve_triangular(right, ops.solve_triangular(left, unit, lower=True))
