"""Couplings: one part of the numbers says how the other moves."""

from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.core.check import check_network
from kgen.flow.layers.base import Transform, run_network
from kgen.flow.masks import Half, Mask
from kgen.flow.transforms import Elementwise, affine_unless
from kgen.flow.transforms.base import per_example


@keras.saving.register_keras_serializable("kgen")
class Coupling(Transform):
    """Moves one part of x by a transform whose parameters a network reads from the other part.

    Args:
        network: built; the kept part, or [kept part, context], to parameters `(..., n * p)`, where
            `(..., n)` is the shape of the moved part and p the transform's `parameters`.
        mask: which part is kept; None: `Half()`.
        transform: of single numbers; None: `Affine()`.
        kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: where the network's output does not fit, or the mask leaves nothing to transform.

    Source: "Density Estimation Using Real NVP" (Dinh et al., 2017), equations 4 to 8.

    >>> import numpy as np
    >>> import kgen
    >>> layer = Coupling(kgen.networks.conditioner(1, 2))
    >>> z, ladj = layer.call_and_ladj(ops.ones((5, 2)))
    >>> tuple(z.shape), tuple(ladj.shape)
    ((5, 2), (5,))
    """

    def __init__(
        self,
        network: keras.Model,
        mask: Mask | None = None,
        transform: Elementwise | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_network("network", network)
        self.network = network
        self.mask = mask if mask is not None else Half()
        self.transform = affine_unless(transform)

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The triangular Jacobian's determinant is that of the moved part."""
        kept, moved = self.mask.split(x)
        moved, ladj = self.transform.call_and_ladj(moved, self._params(kept, moved, context))
        return self.mask.join(kept, moved), per_example(ladj)

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As fast as the way there."""
        kept, moved = self.mask.split(z)
        moved, ladj = self.transform.inverse_and_ladj(moved, self._params(kept, moved, context))
        return self.mask.join(kept, moved), per_example(ladj)

    def _params(self, kept: Tensor, moved: Tensor, context: Tensor | None) -> Tensor:
        *positions, n = moved.shape[1:]
        expected = (*positions, n * self.transform.parameters)
        if tuple(self.network.output_shape[1:]) != expected:
            raise ValueError(
                f"{type(self.transform).__name__} has {self.transform.parameters} parameters for each "
                f"moved number, of shape {(*positions, n)}: expected network outputs of shape "
                f"{expected}, got {tuple(self.network.output_shape[1:])}"
            )
        params = run_network(self.network, kept, context)
        return ops.reshape(params, (-1, *positions, n, self.transform.parameters))
