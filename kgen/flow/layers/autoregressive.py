"""Autoregressive transforms: the parameters of each number come from those before it."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kgen import backend
from kgen.backend import Tensor
from kgen.flow.layers.base import Transform, run_network
from kgen.flow.transforms import Affine, Elementwise
from kgen.flow.transforms.base import per_example


@keras.saving.register_keras_serializable("kgen")
class MaskedAutoregressive(Transform):
    """Moves each number of a vector by parameters that a masked network reads from those before.

    Data to latents takes one pass of the network, latents to data one for each dimension.

    Args:
        network: `kgen.networks.made(dim, p)`, p the transform's `parameters`; x, or [x, context], to
            `(batch, dim, p)`.
        transform: of single numbers; None: `Affine()`.
        kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: where the network's output does not fit.

    Source: "Masked Autoregressive Flow for Density Estimation" (Papamakarios et al., 2017), equations 3
    to 5.

    >>> import numpy as np
    >>> import kgen
    >>> layer = MaskedAutoregressive(kgen.networks.made(3, 2))
    >>> tuple(layer.call_and_ladj(np.ones((5, 3), "float32"))[1].shape)
    (5,)
    """

    def __init__(
        self, network: keras.Model, transform: Elementwise | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.network = network
        self.transform = transform if transform is not None else Affine()
        expected = (*network.inputs[0].shape[1:], self.transform.parameters)
        if tuple(network.output_shape[1:]) != expected:
            raise ValueError(
                f"{type(self.transform).__name__} needs network outputs of shape {expected}, got "
                f"{tuple(network.output_shape[1:])}: made(dim, {self.transform.parameters})"
            )

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """One pass: all parameters from all of x."""
        z, ladj = self.transform.call_and_ladj(x, run_network(self.network, x, context))
        return z, per_example(ladj)

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One pass a dimension, in one compiled loop; without a gradient on XLA."""
        return self._solve(z, context, backend.fori_loop)

    def _solve(
        self, z: Tensor, context: Tensor | None, loop: Callable[..., Any]
    ) -> tuple[Tensor, Tensor]:
        """Repeats x <- T^-1(z; network(x)): after i passes the first i numbers are right."""

        def refine(_: Tensor, state: tuple, z: Tensor, *context: Tensor) -> tuple[Tensor, Tensor]:
            params = run_network(self.network, state[0], context[0] if context else None)
            return self.transform.inverse_and_ladj(z, params)

        start = (ops.zeros_like(z), ops.zeros_like(z))
        given = () if context is None else (context,)
        x, ladj = loop(self.network.inputs[0].shape[1], refine, start, z, *given)
        return x, per_example(ladj)


@keras.saving.register_keras_serializable("kgen")
class InverseAutoregressive(MaskedAutoregressive):
    """The inverse of `MaskedAutoregressive`: latents to data takes one pass.

    Data to latents takes one pass a dimension, written out one after the other, because every backend
    can differentiate that: for few dimensions, or where only samples are needed (a VAE's posterior).

    Source: "Improved Variational Inference with InverseAutoregressive Flow" (Kingma et al., 2016),
    section 3.
    """

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """One pass a dimension."""
        return self._solve(x, context, _unrolled)

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One pass."""
        return super().call_and_ladj(z, context)


def _unrolled(steps: int, body: Callable[..., Any], state: Any, *constants: Any) -> Any:
    """What `backend.fori_loop` gives. XLA on TensorFlow cannot differentiate that one."""
    for index in range(steps):
        state = body(index, state, *constants)
    return state
