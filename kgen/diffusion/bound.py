"""The variational bound of a diffusion model, split into its three terms."""

import math
from typing import Any, NamedTuple

import numpy as np
from keras import ops

import kgen.random
from kgen import backend
from kgen.backend import Tensor
from kgen.core import endpoint
from kgen.diffusion.grids import Uniform
from kgen.diffusion.schedules.base import Schedule, like


class Bound(NamedTuple):
    """The three terms of the variational bound, nats, `(n,)` each; their sum bounds -log p(x)."""

    prior: np.ndarray
    diffusion: np.ndarray
    reconstruction: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """The bound on -log p(x)."""
        return self.prior + self.diffusion + self.reconstruction


class BoundMixin:
    """`bound` of a diffusion model."""

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
        x = ops.cast(x, "float32")

        def add(i: Tensor, total: Tensor, x: Tensor, seed: Tensor, *conditions: Tensor) -> Tensor:
            named = dict(zip(self.conditions.names, conditions, strict=True))
            u = kgen.random.uniform(kgen.random.fold_in(seed, 2 * i))
            u = (ops.cast(i, "float32") + u) / samples
            return total + self._diffusion_term(x, u, kgen.random.fold_in(seed, 2 * i + 1), named)

        zero = ops.zeros_like(ops.reshape(x, (ops.shape(x)[0], -1))[:, 0])
        diffusion = backend.fori_loop(samples, add, zero, x, seed, *conditions) / samples
        noise = kgen.random.normal(kgen.random.fold_in(seed, -1), tuple(x.shape[1:]))
        prior, reconstruction = end_terms(self.averaged[1], x, noise, self.ends(), levels)
        return prior, diffusion, reconstruction

    def _diffusion_term(self, x: Tensor, u: Tensor, keys: Tensor, named: dict) -> Tensor:
        """The diffusion term of each example from its own place u in (0, 1) on the way, `(batch,)`."""
        network, schedule = self.averaged
        t, s, steps = self._step_at(u)
        noise = kgen.random.normal(keys, tuple(x.shape[1:]))
        x_t = schedule.mix(x, noise, t)
        y, v = self.outputs_of(network, x_t, t, named, schedule=schedule)
        error = ops.square(y - self.target.make(schedule, x, noise, t))
        error = error / like(ops.square(self.target.error_scale(schedule, t)), error)  # of the data
        if self.variance is not None:
            return steps * _sum(self.variance.divergence(schedule, error, v, t, s))
        first, last = self.ends()
        rate = -0.5 * ops.exp(schedule.log_snr(t)) * schedule.log_snr_rate(t)
        return (last - first) * rate * _sum(error)

    def _step_at(self, u: Tensor) -> tuple[Tensor, Tensor, int]:
        """The time at a place on the way; of a learned variance the step there, and how many."""
        first, last = self.ends()
        if self.variance is None:
            return first + (last - first) * u, u, 0
        with backend.concrete():
            steps = max(1, round((last - first) * self.variance.chain(self.schedule)))
            times = Uniform().times(self.schedule, steps, first, last)
        index = ops.cast(ops.minimum(ops.floor(u * steps), steps - 1.0), "int32")
        t, s = (ops.take(ops.convert_to_tensor(times), index + k) for k in (0, 1))
        return t, s, steps

    def bound(
        self,
        x: np.ndarray,
        labels: Any = None,
        samples: int = 32,
        levels: int | None = None,
        seed: int | None = 0,
        batch_size: int = 256,
        **conditions: Any,
    ) -> Bound:
        """Bounds -log p(x) by prior, diffusion and reconstruction terms, in nats.

            KL(q(x_1|x) || p(x_1)) - 1/2 int SNR'(t) E|x - x_hat(x_t, t)|^2 dt - E log p(x|x_first)

        With a learned variance the middle term is that of its chain, a sum of KL(q(x_s|x_t, x) ||
        p(x_s|x_t)) over the steps.

        `bits_per_dim(-bound.total, shape)` converts the sum of discrete values (`levels`).

        Args:
            x: examples `(n, ...)`.
            labels, conditions: what the network takes, by name; one for all, or one each.
            samples: times for each example, one in each of so many equal parts of the way.
            levels: None: x is continuous, p(x|x_first) normal; 256: x are so many even values in
                [-1, 1], and p(x|x_first) is a distribution over them.
            seed: of times and noise.
            batch_size: how many at once.

        Source: "Variational Diffusion Models" (Kingma et al., 2021), equations 11 to 15 and 18.
        """
        if samples < 1:
            raise ValueError(f"expected samples >= 1, got {samples}")
        arrays = self._conditions(len(x), labels, conditions)
        keys = kgen.random.keys(seed, len(x))
        return Bound(
            *self.bound_terms(
                np.asarray(x), keys, *arrays, samples=samples, levels=levels, batch_size=batch_size
            )
        )


def end_terms(
    schedule: Schedule, x: Tensor, noise: Tensor, ends: tuple[float, float], levels: int | None
) -> tuple[Tensor, Tensor]:
    """The bound's prior and reconstruction terms, nats, `(batch,)` each.

    Args:
        schedule: a(t) and b(t).
        x, noise: float32 `(batch, ...)`; the noise is that of x at the first time.
        ends: the first and the last time.
        levels: as `bound` takes them.
    """
    start, end = (ops.convert_to_tensor(t, dtype="float32") for t in ends)
    # KL(N(a x, b^2) || N(0, b^2)) = |a x|^2 / (2 b^2)
    prior = 0.5 * ops.exp(schedule.log_snr(end)) * _sum(ops.square(x))
    scale = ops.exp(-0.5 * schedule.log_snr(start))
    return prior, -_sum(_log_decoder(x, x + scale * noise, scale, levels))


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
