"""Affine and additive transforms of numbers."""

import dataclasses

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.core.check import check_object
from kgen.flow.transforms.base import Elementwise


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Affine(Elementwise):
    """y = x exp(s) + t, with params (t, r) and s = limit tanh(r / limit).

    Args:
        limit: of |s|. Without one a single step of training can overflow exp; and layers multiply:
            eight of exp(5) stretch the space between two modes so far that one test point there
            outweighs thousands. Deep flows need less than the default: 32 layers 0.5.

    Source: "Density Estimation Using Real NVP" (Dinh et al., 2017), equations 7 and 8.

    >>> import numpy as np
    >>> y, ladj = Affine().call_and_ladj(ops.ones((1, 2)), ops.zeros((1, 2, 2)))
    >>> float(y[0, 0]), float(ladj[0, 0])
    (1.0, 0.0)
    """

    limit: float = 2.0

    parameters = 2

    def call_and_ladj(self, x: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """Gives x exp(s) + t and s."""
        log_scale = self._log_scale(params)
        return x * ops.exp(log_scale) + params[..., 0], log_scale

    def inverse_and_ladj(self, y: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """Gives (y - t) exp(-s) and -s."""
        log_scale = self._log_scale(params)
        return (y - params[..., 0]) * ops.exp(-log_scale), -log_scale

    def _log_scale(self, params: Tensor) -> Tensor:
        return self.limit * ops.tanh(params[..., 1] / self.limit)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Additive(Elementwise):
    """y = x + t: volumes stay.

    Source: "NICE: Non-linear Independent Components Estimation" (Dinh et al., 2015), equation 9.

    >>> import numpy as np
    >>> y, ladj = Additive().call_and_ladj(ops.ones((1, 2)), ops.full((1, 2, 1), 0.5))
    >>> float(y[0, 0]), float(ladj[0, 0])
    (1.5, 0.0)
    """

    parameters = 1

    def call_and_ladj(self, x: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """Gives x + t and 0."""
        y = x + params[..., 0]
        return y, ops.zeros_like(y)

    def inverse_and_ladj(self, y: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """Gives y - t and 0."""
        x = y - params[..., 0]
        return x, ops.zeros_like(x)


def affine_unless(transform: Elementwise | None) -> Elementwise:
    """Gives the transform, or `Affine()` for None. Raises TypeError for a name or a class."""
    check_object("transform", transform, "kgen.flow.Affine()")
    return transform if transform is not None else Affine()
