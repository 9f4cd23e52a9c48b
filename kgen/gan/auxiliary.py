"""What the discriminator's second head learns: the class, or the code behind a fake.

An auxiliary is an object with two members, both of a head's outputs `(batch, outputs)`:

- `discriminator(real, fake, labels, latents)`: added to the discriminator's loss;
- `generator(fake, labels, latents)`: added to the generator's loss.

Labels are int32 `(batch,)`, those of the fakes (and, where the data has labels, of the real examples);
latents are those of the fakes. The losses are float32 scalars, in nats.
"""

import dataclasses

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.core.record import Record


class Auxiliary(Record):
    """The base: equality and serialisation."""

    draws_labels = False
    """Whether the model draws the labels itself, and the data has none."""

    def outputs(self, classes: int | None) -> int:
        """How many outputs the head has."""
        raise NotImplementedError

    def discriminator(self, real: Tensor, fake: Tensor, labels: Tensor, latents: Tensor) -> Tensor:
        """What is added to the discriminator's loss."""
        raise NotImplementedError

    def generator(self, fake: Tensor, labels: Tensor, latents: Tensor) -> Tensor:
        """What is added to the generator's loss."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Classifier(Auxiliary):
    """AC-GAN: the head says the class, of real examples and of fakes; both players want it right.

    Args:
        weight: of the cross-entropies.

    Source: "Conditional Image Synthesis with Auxiliary Classifier GANs" (Odena et al., 2017),
    equation 3.

    >>> import numpy as np
    >>> uniform = np.zeros((4, 10), "float32")
    >>> round(float(Classifier().generator(uniform, np.zeros(4, "int32"), None)), 4)  # log 10
    2.3026
    """

    weight: float = 1.0

    def outputs(self, classes: int | None) -> int:
        """One logit a class."""
        return classes

    def discriminator(self, real: Tensor, fake: Tensor, labels: Tensor, latents: Tensor) -> Tensor:
        """The cross-entropies of real examples and of fakes."""
        return self.weight * (_cross_entropy(real, labels) + _cross_entropy(fake, labels))

    def generator(self, fake: Tensor, labels: Tensor, latents: Tensor) -> Tensor:
        """The cross-entropy of the fakes."""
        return self.weight * _cross_entropy(fake, labels)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class MutualInformation(Auxiliary):
    """InfoGAN: the head reads from a fake the code it was made of, so that the code means something.

    Both players minimise -log Q(code | fake), an upper bound of the code's entropy minus its mutual
    information with the fake. The code is the label, drawn at random, where the model has classes, and
    the first `continuous` latents, for which Q is a normal distribution of variance 1.

    Args:
        continuous: how many latents belong to the code.
        weight: lambda of the paper.

    The head's outputs are the logits of the classes and then the means of the continuous codes.

    Source: "InfoGAN" (Chen et al., 2016), equations 5 and 6.

    >>> import numpy as np
    >>> head = np.zeros((4, 2), "float32")
    >>> float(MutualInformation(continuous=2).generator(head, None, np.ones((4, 3), "float32")))
    1.0
    """

    draws_labels = True
    continuous: int = 0
    weight: float = 1.0

    def outputs(self, classes: int | None) -> int:
        """One logit a class, one mean a continuous code."""
        return (classes or 0) + self.continuous

    def discriminator(self, real: Tensor, fake: Tensor, labels: Tensor, latents: Tensor) -> Tensor:
        """The same as for the generator: the game about the code is none."""
        return self.generator(fake, labels, latents)

    def generator(self, fake: Tensor, labels: Tensor | None, latents: Tensor) -> Tensor:
        """The mean of -log Q, but for constants."""
        classes = fake.shape[-1] - self.continuous
        codes = ops.cast(latents[:, : self.continuous], "float32")
        error = ops.subtract(fake[:, classes:], codes)
        loss = 0.5 * ops.mean(ops.sum(ops.square(error), axis=-1))
        if classes:
            loss = loss + _cross_entropy(fake[:, :classes], labels)
        return self.weight * loss


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return ops.mean(losses)
