"""Autoregressive transforms: the parameters of each number come from those before it."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kgen import backend
from kgen.backend import Tensor
from kgen.core.check import check_network
from kgen.flow.layers.base import Transform, run_network
from kgen.flow.transforms import Elementwise, affine_unless
from kgen.flow.transforms.base import per_example, zero_ladj
from kgen.networks.made import order_of
from kgen.networks.stepping import Stepper


@keras.saving.register_keras_serializable("kgen")
class MaskedAutoregressive(Transform):
    """Moves each number of a vector by parameters that a masked network reads from those before.

    Data to latents takes one pass of the network, latents to data a step for each dimension: of a
    `made` that computes each unit once, of another network a pass each.

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
    >>> tuple(layer.call_and_ladj(ops.ones((5, 3)))[1].shape)
    (5,)
    """

    def __init__(
        self, network: keras.Model, transform: Elementwise | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_network("network", network)
        self.network = network
        self.transform = affine_unless(transform)
        expected = (*network.inputs[0].shape[1:], self.transform.parameters)
        if tuple(network.output_shape[1:]) != expected:
            raise ValueError(
                f"{type(self.transform).__name__} needs network outputs of shape {expected}, got "
                f"{tuple(network.output_shape[1:])}: made(dim, {self.transform.parameters})"
            )

    @property
    def inverse_learns(self) -> bool:
        """False: XLA on TensorFlow cannot differentiate its loop."""
        return False

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """One pass: all parameters from all of x."""
        z, ladj = self.transform.call_and_ladj(x, run_network(self.network, x, context))
        return z, per_example(ladj)

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """A step a dimension, in one compiled loop; without a gradient on XLA."""
        return self._solve(z, context, backend.fori_loop)

    def _solve(
        self, z: Tensor, context: Tensor | None, loop: Callable[..., Any]
    ) -> tuple[Tensor, Tensor]:
        order = order_of(self.network)
        if order is not None and Stepper.can_step(self.network):
            return self._step_by_step(order, z, context, loop)
        return self._pass_by_pass(z, context, loop)

    def _step_by_step(
        self, order: list[int], z: Tensor, context: Tensor | None, loop: Callable[..., Any]
    ) -> tuple[Tensor, Tensor]:
        """Each number once, from the units that see the numbers before it and no others."""
        stepper, count = Stepper(self.network), self.transform.parameters

        def step(index: Tensor, state: tuple, z: Tensor, *context: Tensor) -> tuple:
            x, ladj, before, memories = state
            params, memories = stepper.step(before, index, context, memories)
            params = ops.cast(ops.reshape(params, (-1, 1, count)), z.dtype)
            value = ops.expand_dims(ops.take(z, index, axis=1), 1)
            value, slope = self.transform.inverse_and_ladj(value, params)
            here = ops.equal(ops.arange(len(order), dtype="int32"), index)
            return ops.where(here, value, x), ladj + slope[:, 0], value, memories

        start = (ops.zeros_like(z), zero_ladj(z), ops.zeros_like(z[:, :1]))
        state = (*start, stepper.start(ops.shape(z)[0]))
        given = () if context is None else (context,)
        x, ladj, *_ = loop(len(order), step, state, _reordered(z, order), *given)
        return _reordered(x, np.argsort(order)), ladj

    def _pass_by_pass(
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

    Data to latents takes a step a dimension, written out one after the other, because every backend
    can differentiate that: for few dimensions, or where only samples are needed (a VAE's posterior).

    Source: "Improved Variational Inference with InverseAutoregressive Flow" (Kingma et al., 2016),
    section 3.
    """

    @property
    def inverse_learns(self) -> bool:
        """True: one pass."""
        return True

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """A step a dimension."""
        return self._solve(x, context, _unrolled)

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One pass."""
        return super().call_and_ladj(z, context)


def _reordered(x: Tensor, order: Sequence[int]) -> Tensor:
    return ops.take(x, ops.convert_to_tensor(np.array(order, "int32")), axis=1)


def _unrolled(steps: int, body: Callable[..., Any], state: Any, *constants: Any) -> Any:
    """What `backend.fori_loop` gives. XLA on TensorFlow cannot differentiate that one."""
    for index in range(steps):
        state = body(index, state, *constants)
    return state
