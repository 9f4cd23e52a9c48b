"""A discriminator that has won: its loss has no slope left, and the generator learns nothing."""

from collections.abc import Callable, Mapping

import keras
import numpy as np
from keras import ops

from kgen import backend
from kgen.backend import Tensor
from kgen.callbacks.doctor.finding import Check, Finding
from kgen.callbacks.doctor.protocols import Adversarial


class Saturation(Check):
    """Finds a discriminator that tells all fakes from all real examples, and is done learning.

    It looks at the slope of its own loss with respect to its logits,

        slope = sum_i |d loss / d logit_i|,

    for the cross-entropy the probability that it gives the wrong answer, for the hinge the share
    inside the margin. A critic's loss (Wasserstein) has slope 1 always, and never saturates.

    Args:
        reference: real examples `(n, ...)`, of which 256 are judged.
        condition: their labels `(n,)`, where the model needs labels.
        slope: below it, for real and for fake examples, the discriminator counts as saturated.
        patience: in epochs.

    Source: "Towards Principled Methods for Training Generative Adversarial Networks" (Arjovsky and
    Bottou, 2017), theorem 2.4: the gradient vanishes as the discriminator becomes perfect.

    >>> Saturation(np.zeros((1000, 2), "float32")).real.shape
    (256, 2)
    """

    name = "discriminator saturation"

    def __init__(
        self,
        reference: np.ndarray,
        condition: np.ndarray | None = None,
        slope: float = 0.02,
        patience: int = 3,
    ) -> None:
        self.real = np.asarray(reference[:256])
        self.labels = None if condition is None else np.asarray(condition[:256])
        self.slope = slope
        self.patience = patience

    def fits(self, model: keras.Model) -> bool:
        """Models with a discriminator, and with the labels that they need."""
        return isinstance(model, Adversarial) and (not model.needs_labels or self.labels is not None)

    def look(self, model: keras.Model, logs: Mapping[str, float], epoch: int) -> Finding | None:
        """Lets the discriminator judge real and fake examples, as in training."""
        real, fake = self._logits(model)
        slopes = {
            "real": _slope(lambda logits: model.loss.discriminator(logits, fake), real),
            "fake": _slope(lambda logits: model.loss.discriminator(real, logits), fake),
        }
        largest = max(slopes.values())
        if largest >= self.slope:
            return None
        reached = float(np.mean(_flat(real)[:, None] > _flat(fake)[None]))
        saw = (
            f"the discriminator ranks {reached:.1%} of the pairs right, and its loss has a slope of "
            f"{slopes['real']:.2g} for real and {slopes['fake']:.2g} for fake examples (below "
            f"{self.slope:g}); the generator's loss is {float(model.loss.generator(fake, real)):.3g}"
        )
        return Finding(
            self.name,
            epoch,
            saw,
            "the discriminator has won, and what it still tells the generator is noise",
            "a smaller learning rate or fewer steps for the discriminator, label smoothing, dropout "
            "in the discriminator, or a loss that does not saturate",
            severity=1.0 - largest,
        )

    def _logits(self, model: keras.Model) -> tuple[Tensor, Tensor]:
        """In training mode, whose updates of state are dropped with the scope."""
        with keras.StatelessScope():
            told = model.needs_labels and self.labels is not None
            labels = ops.convert_to_tensor(self.labels, "int32") if told else None
            judged = model.judge(ops.convert_to_tensor(self.real), labels, training=True)
        return tuple(ops.convert_to_tensor(ops.convert_to_numpy(logits)) for logits in judged)


def _slope(loss: Callable[[Tensor], Tensor], logits: Tensor) -> float:
    return float(np.abs(ops.convert_to_numpy(backend.gradient(loss, logits))).sum())


def _flat(logits: Tensor) -> np.ndarray:
    return ops.convert_to_numpy(logits).ravel()
