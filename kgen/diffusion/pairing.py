"""Which noise is mixed with which example of a batch."""

from dataclasses import dataclass

import keras
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.core.record import Record


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class OptimalTransport(Record):
    """Pairs examples with noise by optimal transport inside the batch, so that paths cross less.

    The plan is Sinkhorn's, entropic, with squared distances as costs; each example then draws its
    noise from its row of the plan.

    Args:
        regularization: of the plan, relative to the mean cost; smaller is closer to the exact plan
            and needs more iterations.
        iterations: of Sinkhorn's algorithm.

    Source: "Improving and Generalizing Flow-Based Generative Models with Minibatch Optimal
    Transport" (Tong et al., 2024), section 3.2; "Sinkhorn Distances" (Cuturi, 2013), algorithm 1.
    """

    regularization: float = 0.05
    iterations: int = 30

    def __call__(self, x: Tensor, noise: Tensor, key: Tensor) -> Tensor:
        """Gives noise `(batch, ...)` in another order, with repetitions.

        Args:
            x: examples `(batch, ...)`.
            noise: of the shape of x.
            key: int32 `(batch, 2)`.
        """
        choice = kgen.random.categorical(key, self.log_plan(x, noise))
        return ops.take(noise, choice, axis=0)

    def log_plan(self, x: Tensor, noise: Tensor) -> Tensor:
        """The logarithm of the plan, `(batch, batch)`: example i takes noise j; up to a constant."""
        a = ops.reshape(x, (ops.shape(x)[0], -1))
        b = ops.reshape(noise, (ops.shape(x)[0], -1))
        cost = (
            ops.sum(a**2, -1)[:, None] + ops.sum(b**2, -1)[None] - 2.0 * ops.matmul(a, ops.transpose(b))
        )
        plan = -cost / (self.regularization * ops.mean(cost))
        for _ in range(self.iterations):  # rows, then columns, of equal mass
            plan = plan - ops.logsumexp(plan, axis=1, keepdims=True)
            plan = plan - ops.logsumexp(plan, axis=0, keepdims=True)
        return plan
