"""Adversarial losses: pure functions of what the discriminator says.

A loss is an object with two members, so that a new one is a class of this shape:

- `discriminator(real_logits, fake_logits)`: what the discriminator minimises;
- `generator(fake_logits)`: what the generator minimises.

The discriminator's outputs are logits (a critic's scores), any shape with the batch first; the
losses are float32 scalars, means over the elements. The constants of a loss are its fields.
"""

import dataclasses

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.core.record import Record


class AdversarialLoss(Record):
    """The base of the losses: equality and Keras serialisation of their fields."""

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """What the discriminator minimises, a float32 scalar."""
        raise NotImplementedError

    def generator(self, fake_logits: Tensor) -> Tensor:
        """What the generator minimises, a float32 scalar."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Minimax(AdversarialLoss):
    """The zero-sum game: the generator minimises what the discriminator maximises,

        V = E[log D(x)] + E[log(1 - D(G(z)))].

    Against the optimal discriminator p/(p + q), V = -log 4 + 2 JS(p, q). Where the discriminator
    wins, the generator's gradient vanishes: the game of theory, seldom that of practice.

    Source: "Generative Adversarial Nets" (Goodfellow et al., 2014), equation 1.

    >>> import numpy as np
    >>> round(float(Minimax().discriminator(np.zeros((4, 1)), np.zeros((4, 1)))), 4)  # log 4
    1.3863
    """

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The value -V."""
        # -log D = softplus(-logit) and -log(1 - D) = softplus(logit)
        return _mean_softplus(real_logits, -1.0) + _mean_softplus(fake_logits)

    def generator(self, fake_logits: Tensor) -> Tensor:
        """The generator's term of V, E[log(1 - D(G(z)))]."""
        return -_mean_softplus(fake_logits)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class NonSaturating(AdversarialLoss):
    """The game that is played in practice: the generator minimises -E[log D(G(z))].

    Its gradient is large where the discriminator wins, and the fixed point is that of `Minimax`.

    Args:
        label_smoothing: the probability of "fake" that the discriminator is taught for real
            examples, in [0, 1); one-sided.

    Raises:
        ValueError: where label_smoothing is outside [0, 1).

    Source: "Generative Adversarial Nets" (Goodfellow et al., 2014), section 3; label smoothing:
    "Improved Techniques for Training GANs" (Salimans et al., 2016), section 3.4.

    >>> import numpy as np
    >>> round(float(NonSaturating().generator(np.zeros((4, 1)))), 4)  # log 2
    0.6931
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Checks the smoothing."""
        if not 0.0 <= self.label_smoothing < 1.0:
            raise ValueError(f"expected label_smoothing in [0, 1), got {self.label_smoothing}")

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The cross-entropy with the labels 1 - label_smoothing (real) and 0 (fake)."""
        real = (1.0 - self.label_smoothing) * _mean_softplus(real_logits, -1.0)
        real = real + self.label_smoothing * _mean_softplus(real_logits)
        return real + _mean_softplus(fake_logits)

    def generator(self, fake_logits: Tensor) -> Tensor:
        """The cross-entropy of the fakes with the label 1."""
        return _mean_softplus(fake_logits, -1.0)


def _mean_softplus(logits: Tensor, sign: float = 1.0) -> Tensor:
    return ops.mean(ops.softplus(sign * ops.cast(logits, "float32")))
