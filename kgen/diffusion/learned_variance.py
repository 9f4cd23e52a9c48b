"""The variance of the reverse step, learned by the network beside its target."""

from dataclasses import dataclass

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.core.record import Record
from kgen.diffusion.schedules.base import Schedule, like
from kgen.diffusion.solvers.base import fresh_share


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class LearnedVariance(Record):
    """The second half of the network's channels, v, gives each value the variance of the reverse step,

        log variance = v log(b_t^2 share) + (1 - v) log(b_s^2 share),

    between beta (v = 1: that of the forward step) and beta tilde (v = 0: that of q(x_s | x_t, x)) in
    the paper's words; `share` is 1 - SNR(t) / SNR(s). The loss is then the hybrid one,

        squared error + weight * bound,

    with the bound of a chain of `steps` steps, in nats per dimension, whose gradient reaches v alone.
    `Ancestral("learned")` samples with it, and `bound` is that of the chain.

    Args:
        weight: of the bound; lambda in the paper.
        steps: of the chain; None: those of a discrete schedule.

    The step to data without noise has no variance, and no term.

    Raises ValueError for a weight below 0 and for steps < 2.

    Source: "Improved Denoising Diffusion Probabilistic Models" (Nichol and Dhariwal, 2021),
    equations 15 and 16.

    >>> LearnedVariance().weight
    0.001
    """

    weight: float = 0.001
    steps: int | None = None

    def __post_init__(self) -> None:
        """Checks the numbers."""
        if self.weight < 0.0 or (self.steps is not None and self.steps < 2):
            raise ValueError(f"expected weight >= 0 and steps >= 2, got {self.weight} and {self.steps}")

    def chain(self, schedule: Schedule) -> int:
        """The number of steps. Raises ValueError where neither this nor the schedule says one."""
        steps = self.steps or schedule.steps
        if steps is None:
            raise ValueError(
                f"{type(schedule).__name__} is continuous, and a variance belongs to steps of one "
                "length: give LearnedVariance(steps=1000), or a discrete schedule such as DDPM.cosine()"
            )
        return steps

    def of_step(self, schedule: Schedule, v: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """The variance of the step from t to s < t, of the shape of v `(batch, ...)`; b(s) > 0."""
        small = ops.square(schedule.b(s)) * fresh_share(schedule, t, s)
        return like(small, v) * ops.exp(v * like(_log_ratio(schedule, t, s), v))

    def divergence(self, schedule: Schedule, error: Tensor, v: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """KL(q(x_s | x_t, x) || p(x_s | x_t)) of each value, nats, of the shape of v `(batch, ...)`.

            ((SNR(s) - SNR(t)) error exp(-r) + exp(-r) - 1 + r) / 2,      r = v log(b_t^2 / b_s^2)

        Args:
            schedule: a(t) and b(t).
            error: the squared error of the predicted data.
            v: of the network.
            t, s: `(batch,)` or scalars, t > s, b(s) > 0.

        Source: "Improved Denoising Diffusion Probabilistic Models" (Nichol and Dhariwal, 2021),
        equation 6; the first factor as in "Variational Diffusion Models" (Kingma et al., 2021),
        equation 14.
        """
        r = v * like(_log_ratio(schedule, t, s), v)
        gain = ops.exp(schedule.log_snr(s)) * fresh_share(schedule, t, s)
        return 0.5 * (like(gain, v) * error * ops.exp(-r) + ops.expm1(-r) + r)

    def loss(
        self, schedule: Schedule, error: Tensor, v: Tensor, t: Tensor, ends: tuple[float, float]
    ) -> Tensor:
        """The weighted bound of each example, its term at time t times the steps, `(batch,)`.

        Args:
            schedule: a(t) and b(t).
            error: the squared error of the predicted data, `(batch, ...)`; no gradient goes there.
            v: of its shape.
            t: `(batch,)`.
            ends: the times between which the chain runs; the loss of other steps is 0.
        """
        steps = self.chain(schedule)
        first, last = ends
        s = t - 1.0 / steps
        inside = (s > first - 0.5 / steps) & (t <= last)
        # a masked step must not be infinite: its gradient would be NaN
        t, s = ops.where(inside, t, last), ops.where(inside, s, last - 1.0 / steps)
        error = ops.where(like(inside, v), ops.stop_gradient(error), 0.0)
        kl = self.divergence(schedule, error, v, t, ops.maximum(s, first))
        kl = ops.mean(ops.reshape(kl, (ops.shape(v)[0], -1)), axis=-1)
        return self.weight * steps * ops.where(inside, kl, 0.0)


def _log_ratio(schedule: Schedule, t: Tensor, s: Tensor) -> Tensor:
    """log(b_t^2 / b_s^2) > 0."""
    return 2.0 * (ops.log(schedule.b(t)) - ops.log(schedule.b(s)))
