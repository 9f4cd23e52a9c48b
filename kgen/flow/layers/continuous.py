"""Continuous flows: a transform that is the solution of a differential equation."""

import math
from typing import Any

import keras
from keras import ops

import kgen.random
from kgen import backend
from kgen.backend import Tensor
from kgen.core.check import check_network
from kgen.flow.layers.base import Transform
from kgen.flow.transforms.base import zero_ladj
from kgen.numerics import ode

State = tuple[Tensor, Tensor]


@keras.saving.register_keras_serializable("kgen")
class Continuous(Transform):
    """Follows dx/dt = f(x, t) from data, t = 0, to latents, t = 1.

        log |det dz/dx| = int_0^1 div f(x_t, t) dt

    A step of training takes `steps` steps of Runge and Kutta's fourth-order method and differentiates
    through them: the gradient is exactly that of the loss, at a cost that does not change. Everything
    else takes the adaptive method of `kgen.numerics.ode` and the exact divergence. Where both disagree
    the training needs more steps.

    Args:
        network: `kgen.networks.conditioner(dim, dim, context=1 + width)` with a smooth activation: x
            and (t, context) to `(batch, dim)`.
        steps: of a training step.
        exact: whether the divergence in training is exact, one derivative a dimension; False:
            Hutchinson's estimate with random signs.
        tolerance: of the adaptive method, relative and absolute.
        kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: for a network that does not fit, or fewer than one step.

    Source: "FFJORD: Free-form Continuous Dynamics for Scalable Reversible Generative Models" (Grathwohl
    et al., 2019), equations 4 and 8.
    """

    def __init__(
        self,
        network: keras.Model,
        steps: int = 8,
        exact: bool = True,
        tolerance: float = 1e-5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if steps < 1:
            raise ValueError(f"expected steps >= 1, got {steps}")
        check_network("network", network)
        if len(network.inputs) != 2 or network.output_shape != tuple(network.inputs[0].shape):
            raise ValueError(
                "expected a network of [x, (t, context)] whose output has the shape of x: "
                "kgen.networks.conditioner(dim, dim, context=1)"
            )
        self.network = network
        self.steps = steps
        self.exact = exact
        self.tolerance = tolerance

    @property
    def call_learns(self) -> bool:
        """False: the adaptive method has no gradient."""
        return False

    @property
    def inverse_learns(self) -> bool:
        """False: as `call_learns`."""
        return False

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """With keys a fixed number of steps, else the adaptive method."""
        if keys is None:
            return self._integrate(x, context, 0.0, 1.0)
        signs = None
        if not self.exact:
            signs = ops.sign(kgen.random.uniform(keys, tuple(x.shape[1:])) - 0.5)
        state, size = (x, zero_ladj(x)), 1.0 / self.steps
        for step in range(self.steps):
            state = self._runge_kutta(state, step * size, size, context, signs)
        return state

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The adaptive method, backwards in time."""
        return self._integrate(z, context, 1.0, 0.0)

    def _field(self, t: Any, x: Tensor, context: Tensor | None, signs: Tensor | None) -> State:
        """f and its divergence."""
        told = ops.zeros((ops.shape(x)[0], 1), dtype=x.dtype) + t
        if context is not None:
            told = ops.concatenate([told, context], axis=-1)
        return backend.divergence(lambda y: ops.cast(self.network([y, told]), y.dtype), x, signs)

    def _runge_kutta(
        self, state: State, t: float, h: float, context: Tensor | None, signs: Tensor | None
    ) -> State:
        """One step of the classical method; the divergence is integrated along."""
        x, ladj = state
        k1, d1 = self._field(t, x, context, signs)
        k2, d2 = self._field(t + 0.5 * h, x + 0.5 * h * k1, context, signs)
        k3, d3 = self._field(t + 0.5 * h, x + 0.5 * h * k2, context, signs)
        k4, d4 = self._field(t + h, x + h * k3, context, signs)
        x = x + h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4)
        return x, ladj + h / 6.0 * (d1 + 2.0 * (d2 + d3) + d4)

    def _integrate(self, x: Tensor, context: Tensor | None, t0: float, t1: float) -> State:
        def field(t: Tensor, state: State, *context: Tensor) -> State:
            return self._field(t, state[0], context[0] if context else None, None)

        given = () if context is None else (context,)
        start = (x, zero_ladj(x))
        tolerance = self.tolerance
        solution = ode.integrate(field, start, t0, t1, tolerance, tolerance, constants=given)
        # Half of the way would pass for an answer; NaN does not.
        return tuple(ops.where(solution.success, part, math.nan) for part in solution.state)
