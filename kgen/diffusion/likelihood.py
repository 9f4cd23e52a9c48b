"""What a diffusion model says about the data: likelihoods, and the latents that they come from."""

import math
from typing import Any, NamedTuple

import numpy as np
from keras import ops

import kgen.random
from kgen import backend, ode
from kgen.backend import Tensor
from kgen.core import endpoint
from kgen.diffusion.solvers.base import Problem


class Bound(NamedTuple):
    """The three terms of the variational bound, nats, `(n,)` each; their sum bounds -log p(x)."""

    prior: np.ndarray
    diffusion: np.ndarray
    reconstruction: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """The bound on -log p(x)."""
        return self.prior + self.diffusion + self.reconstruction


class LikelihoodMixin:
    """`log_prob`, `bound` and `encode` of a diffusion model."""

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
        first, last = self._ends()
        signs = ops.sign(kgen.random.uniform(seed, tuple(x.shape[1:])) - 0.5)

        def field(t: Tensor, state: tuple, signs: Tensor, *conditions: Tensor) -> tuple:
            named = dict(zip(self.conditions.names, conditions, strict=True))
            problem = Problem(self.schedule, self.denoiser(named, None, (0.0, 1.0)))

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
        context: Any = None,
        image: Any = None,
        exact: bool = True,
        tolerance: float = 1e-5,
        seed: int | None = 0,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Gives log p(x) in nats, `(n,)`, by the probability-flow equation.

            log p_0(x_0) = log p_1(x_1) + int_0^1 div v(x_t, t) dt

        The equation starts at the schedule's first time: the density is that of data with so little
        noise. For images the values are those of a density on [-1, 1]: see `bits_per_dim`.

        Args:
            x: examples `(n, ...)`.
            labels, context, image: the conditions that the network takes.
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
            x, labels, context, image, seed, batch_size, exact=exact, tolerance=tolerance
        )
        last = ops.convert_to_tensor(self._ends()[1], dtype="float32")
        scale = float(self.schedule.b(last))
        z = latents.reshape(len(latents), -1).astype("float64") / scale
        dims = z.shape[1]
        prior = -0.5 * (z**2).sum(axis=1) - dims * (0.5 * math.log(2.0 * math.pi) + math.log(scale))
        return (prior + integral).astype("float32")

    def encode(
        self,
        x: np.ndarray,
        labels: Any = None,
        context: Any = None,
        image: Any = None,
        tolerance: float = 1e-5,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Maps examples `(n, ...)` to their latents, of the same shape, by the probability flow."""
        return self._flow(x, labels, context, image, 0, batch_size, tolerance=tolerance, density=False)[
            0
        ]

    def _flow(
        self,
        x: np.ndarray,
        labels: Any,
        context: Any,
        image: Any,
        seed: int | None,
        batch_size: int,
        **options: Any,
    ) -> tuple[np.ndarray, np.ndarray]:
        arrays = self._conditions(len(x), labels, context, image)
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

    @endpoint
    def bound_terms(
        self,
        x: Tensor,
        seed: Tensor,
        *conditions: Tensor,
        samples: int = 32,
        levels: int | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Estimates the terms of the bound; see `bound`."""
        schedule = self.schedule
        first, last = self._ends()
        x = ops.cast(x, "float32")

        def add(i: Tensor, total: Tensor, x: Tensor, seed: Tensor, *conditions: Tensor) -> Tensor:
            named = dict(zip(self.conditions.names, conditions, strict=True))
            u = (
                ops.cast(i, "float32") + kgen.random.uniform(kgen.random.fold_in(seed, 2 * i))
            ) / samples
            return total + self._diffusion_term(
                x, first + (last - first) * u, kgen.random.fold_in(seed, 2 * i + 1), named
            )

        zero = ops.zeros_like(ops.reshape(x, (ops.shape(x)[0], -1))[:, 0])
        diffusion = backend.fori_loop(samples, add, zero, x, seed, *conditions)
        # KL(N(a x, b^2) || N(0, b^2)) = |a x|^2 / (2 b^2)
        start, end = (ops.convert_to_tensor(t, dtype="float32") for t in (first, last))
        prior = 0.5 * ops.exp(schedule.log_snr(end)) * _sum(ops.square(x))
        noise = kgen.random.normal(kgen.random.fold_in(seed, -1), tuple(x.shape[1:]))
        scale = schedule.b(start) / schedule.a(start)
        reconstruction = -_sum(_log_decoder(x, x + scale * noise, scale, levels))
        return prior, diffusion * (last - first) / samples, reconstruction

    def _diffusion_term(self, x: Tensor, t: Tensor, keys: Tensor, named: dict) -> Tensor:
        """-SNR'(t) / 2 |x - x_hat(x_t, t)|^2 of each example at its own time, `(batch,)`."""
        noise = kgen.random.normal(keys, tuple(x.shape[1:]))
        x_t = self.schedule.mix(x, noise, t)
        network = self.network if self.ema is None else self.ema.average
        y = self.predict_target(network, x_t, t, named)
        error = _sum(ops.square(y - self.target.make(self.schedule, x, noise, t)))
        error = error / ops.square(self.target.error_scale(self.schedule, t))
        snr = ops.exp(self.schedule.log_snr(t))
        return -0.5 * snr * self.schedule.log_snr_rate(t) * error

    def bound(
        self,
        x: np.ndarray,
        labels: Any = None,
        context: Any = None,
        image: Any = None,
        samples: int = 32,
        levels: int | None = None,
        seed: int | None = 0,
        batch_size: int = 256,
    ) -> Bound:
        """Bounds -log p(x) by prior, diffusion and reconstruction terms, in nats.

            KL(q(x_1|x) || p(x_1)) - 1/2 int SNR'(t) E|x - x_hat(x_t, t)|^2 dt - E log p(x|x_first)

        `bits_per_dim(-bound.total, shape)` converts the sum of discrete values (`levels`).

        Args:
            x: examples `(n, ...)`.
            labels, context, image: the conditions that the network takes.
            samples: times for each example, one in each of so many equal parts of the way.
            levels: None: x is continuous, p(x|x_first) normal; 256: x are so many even values in
                [-1, 1], and p(x|x_first) is a distribution over them.
            seed: of times and noise.
            batch_size: how many at once.

        Source: "Variational Diffusion Models" (Kingma et al., 2021), equations 11 to 15 and 18.
        """
        if samples < 1:
            raise ValueError(f"expected samples >= 1, got {samples}")
        arrays = self._conditions(len(x), labels, context, image)
        keys = kgen.random.keys(seed, len(x))
        return Bound(
            *self.bound_terms(
                np.asarray(x), keys, *arrays, samples=samples, levels=levels, batch_size=batch_size
            )
        )

    def _ends(self) -> tuple[float, float]:
        """The first and the last time at which the score and the velocity are finite."""
        with backend.concrete():
            return max(self.schedule.first, 1e-4), self.target.last_time(self.schedule)

    def _conditions(self, n: int, labels: Any, context: Any, image: Any) -> list[np.ndarray]:
        if labels is None and "labels" in self.conditions.names and self.label_dropout > 0:
            labels = self.classes
        return self.conditions.arrays(n, labels=labels, context=context, image=image)


def _log_decoder(x: Tensor, mean: Tensor, scale: Tensor, levels: int | None) -> Tensor:
    """log p(x | x_first) for each value: normal, or normal restricted to the levels."""
    if levels is None:
        z = (x - mean) / scale
        return -0.5 * ops.square(z) - ops.log(scale) - 0.5 * math.log(2.0 * math.pi)
    values = ops.convert_to_tensor(np.linspace(-1.0, 1.0, levels, dtype="float32"))
    logits = -0.5 * ops.square((ops.expand_dims(mean, -1) - values) / scale)
    own = -0.5 * ops.square((x - mean) / scale)
    return own - ops.logsumexp(logits, axis=-1)


def _sum(x: Tensor) -> Tensor:
    return ops.sum(ops.reshape(x, (ops.shape(x)[0], -1)), axis=-1)
