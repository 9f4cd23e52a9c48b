"""Adversarial losses: pure functions of what the discriminator says.

A loss is an object with two members, so that a new one is a class of this shape:

- `discriminator(real_logits, fake_logits)`: what the discriminator minimises;
- `generator(fake_logits, real_logits)`: what the generator minimises; the logits of real examples are
  None unless the loss says that it `needs_real`.

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

    needs_real = False
    """Whether the generator's loss compares fakes with real examples."""

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """What the discriminator minimises, a float32 scalar."""
        raise NotImplementedError

    def generator(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
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

    def generator(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
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

    def generator(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """The cross-entropy of the fakes with the label 1."""
        return _mean_softplus(fake_logits, -1.0)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class LeastSquares(AdversarialLoss):
    """Regression on labels, whose gradient lives where fakes lie on the right side, but far off,

        discriminator: 1/2 E[(D(x) - real)^2] + 1/2 E[(D(G(z)) - fake)^2],
        generator:     1/2 E[(D(G(z)) - target)^2].

    With real - fake = 2 and target = (real + fake) / 2 the generator minimises a Pearson chi-squared
    divergence.

    Args:
        fake: label of generated examples.
        real: label of real ones.
        target: what the generator wants the discriminator to say.

    Source: "Least Squares Generative Adversarial Networks" (Mao et al., 2017), equation 2; section
    3.2.3 for the labels.

    >>> import numpy as np
    >>> float(LeastSquares().discriminator(np.ones((4, 1)), np.zeros((4, 1))))
    0.0
    """

    fake: float = 0.0
    real: float = 1.0
    target: float = 1.0

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The squared distances from both labels."""
        return _mean_square(real_logits, self.real) + _mean_square(fake_logits, self.fake)

    def generator(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """The squared distance of the fakes from the target."""
        return _mean_square(fake_logits, self.target)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Hinge(AdversarialLoss):
    """A margin: what the discriminator already tells apart by 1 teaches it nothing more,

        discriminator: E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))],
        generator:     -E[D(G(z))].

    Source: "Geometric GAN" (Lim and Ye, 2017), equations 16 and 17.

    >>> import numpy as np
    >>> float(Hinge().discriminator(np.ones((4, 1)), -np.ones((4, 1))))
    0.0
    """

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """What is missing to the margin of 1."""
        real, fake = (ops.cast(logits, "float32") for logits in (real_logits, fake_logits))
        return ops.mean(ops.relu(1.0 - real)) + ops.mean(ops.relu(1.0 + fake))

    def generator(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """The negative mean output for fakes."""
        return -_mean(fake_logits)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Wasserstein(AdversarialLoss):
    """The dual of the earth mover's distance: over all critics of Lipschitz constant 1,

        W(p, q) = max E[D(x)] - E[D(G(z))].

    Without a constraint on the critic the maximum is infinite: give the model a penalty (of
    `kgen.gan.penalties`), or the critic spectrally normalised layers.

    Source: "Wasserstein GAN" (Arjovsky et al., 2017), equation 2.

    >>> import numpy as np
    >>> float(Wasserstein().discriminator(np.ones((4, 1)), np.zeros((4, 1))))
    -1.0
    """

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The negative estimate of the distance."""
        return _mean(fake_logits) - _mean(real_logits)

    def generator(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """The term of the distance that the generator can change."""
        return -_mean(fake_logits)


def _mean(logits: Tensor) -> Tensor:
    return ops.mean(ops.cast(logits, "float32"))


def _mean_square(logits: Tensor, label: float) -> Tensor:
    return 0.5 * ops.mean(ops.square(ops.cast(logits, "float32") - label))


def _mean_softplus(logits: Tensor, sign: float = 1.0) -> Tensor:
    return ops.mean(ops.softplus(sign * ops.cast(logits, "float32")))
