"""Unrolled steps: the generator plays against what the discriminator would answer."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import keras
from keras import ops

from kgen import backend
from kgen.backend import Tensor
from kgen.backend.scope import ChildScope
from kgen.core.record import Record


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Unrolling(Record):
    """Judges the generator by a discriminator that has taken some more steps, and differentiates these,

        w_0 = w,   w_(k+1) = w_k - rate * grad L_D(w_k),   L_G(w_steps).

    Where the generator leaves a mode, the discriminator's answer shows it that this will not last. The
    steps are plain gradient descent on one batch, forgotten afterwards, changes of state included.

    Args:
        steps: at least 1; each costs as much as a step of the discriminator.
        rate: above 0.

    Raises:
        ValueError: for numbers out of these ranges.

    Source: "Unrolled Generative Adversarial Networks" (Metz et al., 2017), equations 3 to 6.

    >>> layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    >>> layer.build((None, 1))
    >>> loss = lambda: layer.kernel[0, 0] ** 2  # with rate 1/4 a step halves the weight
    >>> float(Unrolling(steps=2, rate=0.25)(layer, loss, lambda: layer.kernel[0, 0]))
    0.25
    """

    steps: int = 5
    rate: float = 0.01

    def __post_init__(self) -> None:
        """Checks the numbers."""
        if self.steps < 1 or not self.rate > 0:
            raise ValueError(f"expected steps >= 1 and rate > 0, got {self.steps} and {self.rate}")

    def __call__(
        self, network: keras.Layer, loss: Callable[[], Tensor], then: Callable[[], Tensor]
    ) -> Tensor:
        """Gives `then()`, evaluated with the weights to which `loss` leads."""
        variables = network.trainable_variables
        flat = ops.concatenate([ops.reshape(v.value, (-1,)) for v in variables])
        for _ in range(self.steps):
            flat = flat - self.rate * backend.gradient(lambda w: _evaluate(loss, variables, w), flat)
        return _evaluate(then, variables, flat)


def _evaluate(fn: Callable[[], Tensor], variables: Sequence[keras.Variable], flat: Tensor) -> Tensor:
    """Calls fn with values of the variables from one long vector."""
    mapping, start = [], 0
    for variable in variables:
        stop = start + math.prod(variable.shape)
        mapping.append((variable, ops.reshape(flat[start:stop], variable.shape)))
        start = stop
    with ChildScope(mapping):
        return fn()
