"""Relativistic losses: whether real examples look more real than fakes, and not just real."""

import dataclasses

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.gan.losses import AdversarialLoss, NonSaturating


class Relativistic(AdversarialLoss):
    """The base of the losses that compare real and fake logits, for both players."""

    needs_real = True

    def generator(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        """The discriminator's loss with the roles exchanged; ValueError without real logits."""
        if real_logits is None:
            raise ValueError(
                f"{type(self).__name__} compares fakes with real examples: give the generator's loss "
                "the logits of both, generator(fake_logits, real_logits)"
            )
        return self.discriminator(fake_logits, real_logits)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class RelativisticAverage(Relativistic):
    """Compares each example with the average of the other kind, under any loss of logits,

        loss(D(x) - E[D(G(z))], D(G(z)) - E[D(x)]),

    and the generator plays the same game with real and fake exchanged.

    Args:
        loss: of `kgen.gan.losses`; its `discriminator` is used for both players. The default gives
            RaGAN, `LeastSquares(fake=-1.0)` RaLSGAN.

    Source: "The Relativistic Discriminator" (Jolicoeur-Martineau, 2018), equations 11 and 12.

    >>> import numpy as np
    >>> round(float(RelativisticAverage().discriminator(np.ones((4, 1)), np.ones((4, 1)))), 4)  # log 4
    1.3863
    """

    loss: AdversarialLoss = dataclasses.field(default_factory=NonSaturating)

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The inner loss of both kinds, each relative to the mean of the other."""
        real, fake = (ops.cast(logits, "float32") for logits in (real_logits, fake_logits))
        return self.loss.discriminator(real - ops.mean(fake), fake - ops.mean(real))


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class RelativisticPairing(Relativistic):
    """Compares each real example with one fake: in E[f(D(G(z)) - D(x))], f(t) = log(1 + e^t).

    The generator minimises E[f(D(x) - D(G(z)))]. A collapsed generator is no minimum of this game,
    local ones included; with `R1` and `R2` its training converges locally.

    Source: "The GAN is dead; long live the GAN! A Modern Baseline GAN" (Huang et al., 2024), equation
    2; "The Relativistic Discriminator" (Jolicoeur-Martineau, 2018), equation 3.

    >>> import numpy as np
    >>> round(float(RelativisticPairing().discriminator(np.ones((4, 1)), np.ones((4, 1)))), 4)  # log 2
    0.6931
    """

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The cross-entropy of "the first is the real one", pair by pair."""
        real, fake = (ops.cast(logits, "float32") for logits in (real_logits, fake_logits))
        return ops.mean(ops.softplus(fake - real))
