"""Divergence: losses that are finite, and larger than any model's on scaled data."""

from collections.abc import Mapping

import keras

from kgen.callbacks.doctor.finding import Check, Finding


class Divergence(Check):
    """Finds losses that exploded without becoming NaN, as those of deep flows do.

    Such a training seldom comes back: the clipped gradients of the explosion have filled the
    optimizer's averages.

    Args:
        largest: the absolute value that no sound number in the logs has. A million dimensions of
            8 bits each are 5.5e6 nats.

    >>> print(Divergence().look(None, {"loss": 4.4e24, "kl": 3.0}, epoch=1).saw)
    loss is 4.4e+24
    """

    name = "divergence"

    def __init__(self, largest: float = 1e9) -> None:
        self.largest = largest

    def fits(self, model: keras.Model) -> bool:
        """Every model."""
        return True

    def look(self, model: keras.Model, logs: Mapping[str, float], epoch: int) -> Finding | None:
        """Looks at the logs."""
        huge = {name: value for name, value in logs.items() if abs(value) > self.largest}
        if not huge:
            return None
        return Finding(
            self.name,
            epoch,
            ", ".join(f"{name} is {value:.3g}" for name, value in huge.items()),
            "a step was too large, and those after it made it worse",
            "a smaller learning rate, a longer warm-up, clipnorm in the optimizer, or bounds inside "
            "the model (of a flow's scales: Affine(limit=0.5))",
            severity=1.0,
        )
