"""The likelihoods that a diffusion model gives data, and the latents that they come from."""

import math
from typing import Any

import numpy as np
from keras import ops

import kgen.random
from kgen import backend
from kgen.backend import Tensor
from kgen.core import endpoint
from kgen.numerics import ode


class LikelihoodMixin:
    """`log_prob` and `encode` of a diffusion model."""

    log_prob_estimate = "ODE"
    """What `log_prob` is, for the cards of `kgen.metrics`."""
    range_width = 2.0
    """`log_prob` is that of a density on [-1, 1]."""

    @endpoint
    def flow(
        self,
        x: Tensor,
        seed: Tensor,
        *conditions: Tensor,
        exact: bool = True,
        tolerance: float = 1e-5,
        density: bool = True,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Follows the probability-flow equation dx/dt = a' x + b' z from data to noise.

        Gives the latents at the last time; the integral of the divergence on the way, nats
        `(batch,)`, zeros without `density`; and whether the tolerance was kept, `(batch,)`.
        """
        first, last = self.ends()
        signs = ops.sign(kgen.random.uniform(seed, tuple(x.shape[1:])) - 0.5)

        def field(t: Tensor, state: tuple, signs: Tensor, *conditions: Tensor) -> tuple:
            named = dict(zip(self.conditions.names, conditions, strict=True))
            problem = self.problem(named)

            def velocity(x: Tensor) -> Tensor:
                return problem.velocity(x, t)

            if not density:
                return velocity(state[0]), ops.zeros_like(state[1])
            return backend.divergence(velocity, state[0], None if exact else signs)

        state = (
            ops.cast(x, "float32"),
            ops.zeros_like(ops.reshape(signs, (ops.shape(x)[0], -1))[:, 0]),
        )
        result = ode.integrate(
            field, state, first, last, tolerance, tolerance, constants=(signs, *conditions)
        )
        latents, integral = result.state
        kept = ops.ones_like(integral) * ops.cast(result.success, "float32")
        return latents, integral, kept

    def log_prob(
        self,
        x: np.ndarray,
        labels: Any = None,
        exact: bool = True,
        tolerance: float = 1e-5,
        seed: int | None = 0,
        batch_size: int = 256,
        **conditions: Any,
    ) -> np.ndarray:
        """Gives log p(x) in nats, `(n,)`, by the probability-flow equation.

            log p_0(x_0) = log p_1(x_1) + int_0^1 div v(x_t, t) dt

        The equation starts at the schedule's first time: the density is that of data with so little
        noise. For images the values are those of a density on [-1, 1]: see `bits_per_dim`.

        Args:
            x: examples `(n, ...)`.
            labels, conditions: what the network takes, by name; one for all, or one each.
            exact: whether the divergence is exact, one derivative a dimension; or Hutchinson's
                estimate with one random sign vector an example, for images.
            tolerance: of the adaptive solver, relative and absolute.
            seed: of the sign vectors.
            batch_size: how many at once; the step size is chosen for a batch.

        Raises RuntimeError where the tolerance cannot be kept.

        Source: "Score-Based Generative Modeling through Stochastic Differential Equations" (Song et
        al., 2021), section 4.3 and appendix D.2.
        """
        latents, integral = self._flow(
            x, labels, conditions, seed, batch_size, exact=exact, tolerance=tolerance
        )
        last = ops.convert_to_tensor(self.ends()[1], dtype="float32")
        scale = float(self.averaged[1].b(last))
        z = latents.reshape(len(latents), -1).astype("float64") / scale
        dims = z.shape[1]
        prior = -0.5 * (z**2).sum(axis=1) - dims * (0.5 * math.log(2.0 * math.pi) + math.log(scale))
        return (prior + integral).astype("float32")

    def encode(
        self,
        x: np.ndarray,
        labels: Any = None,
        tolerance: float = 1e-5,
        batch_size: int = 256,
        **conditions: Any,
    ) -> np.ndarray:
        """Maps examples `(n, ...)` to their latents, of the same shape, by the probability flow."""
        return self._flow(x, labels, conditions, 0, batch_size, tolerance=tolerance, density=False)[0]

    def _flow(
        self,
        x: np.ndarray,
        labels: Any,
        conditions: dict[str, Any],
        seed: int | None,
        batch_size: int,
        **options: Any,
    ) -> tuple[np.ndarray, np.ndarray]:
        arrays = self._conditions(len(x), labels, conditions)
        keys = kgen.random.keys(seed, len(x))
        latents, integral, kept = self.flow(
            np.asarray(x), keys, *arrays, batch_size=batch_size, **options
        )
        if not kept.all():
            raise RuntimeError(
                "the probability-flow equation did not keep its tolerance within the most steps "
                "allowed: train for longer, or give a larger tolerance"
            )
        return latents, integral
