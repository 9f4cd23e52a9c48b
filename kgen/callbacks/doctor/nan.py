"""NaN and infinite numbers, with the first layer that made them."""

import math
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from kgen.callbacks.doctor.finding import Check, Finding
from kgen.callbacks.doctor.first_layer import first_broken_layer, is_finite


class NaN(Check):
    """Finds NaN or infinite losses and weights, and the layer where they begin.

    By the end of an epoch one NaN has reached every weight. So a copy of the last sound weights is
    kept, in main memory, and the forward pass is repeated with them, layer by layer.

    Args:
        reference: examples `(n, ...)`, of which 32 are passed through; None: no layer is looked for.
        condition: what `fit` gets beside the examples, `(n, ...)`.

    >>> NaN(np.zeros((100, 2), "float32")).batch[0].shape
    (32, 2)
    """

    name = "NaN"
    last_word = True

    def __init__(
        self, reference: np.ndarray | None = None, condition: np.ndarray | None = None
    ) -> None:
        given = () if reference is None else (reference, condition)
        self.batch = tuple(np.asarray(array[:32]) for array in given if array is not None)
        self._sound: list[np.ndarray] = []
        self._epoch = 0

    def fits(self, model: keras.Model) -> bool:
        """Every model."""
        return True

    def begin(self, model: keras.Model) -> None:
        """Keeps the weights."""
        self._keep(model, epoch=0)

    def look(self, model: keras.Model, logs: Mapping[str, float], epoch: int) -> Finding | None:
        """Looks at the logs and at all weights."""
        losses = [name for name, value in logs.items() if not math.isfinite(value)]
        weights = [v.path for v in model.weights if not is_finite(v.value)]
        if not losses and not weights:
            self._keep(model, epoch)
            return None
        means, advice = self._diagnose(model, weights)
        saw = f"NaN or infinite: {', '.join(losses) or 'no loss'}; {_count(weights, model.weights)}"
        return Finding(self.name, epoch, saw, means, advice, severity=1.0)

    def _keep(self, model: keras.Model, epoch: int) -> None:
        self._sound = [np.array(v.numpy()) for v in model.weights]
        self._epoch = epoch

    def _diagnose(self, model: keras.Model, broken: Sequence[str]) -> tuple[str, str]:
        if not self.batch:
            return (
                "training diverged; where, a pass through the layers would tell",
                "give the doctor a reference, Doctor(reference=x), and a smaller learning rate",
            )
        present = [np.array(v.numpy()) for v in model.weights]
        when = f"with the weights of epoch {self._epoch}" if broken else "with the present weights"
        culprit, finite = first_broken_layer(model, self.batch, self._sound if broken else present)
        if culprit is not None and culprit.finite_inputs:
            return (
                f"{when} the first NaN comes out of layer {culprit.path}, from finite inputs",
                "keep that layer's input in its domain: a logarithm, root, quotient or exponential "
                "needs a bound or an epsilon",
            )
        if culprit is not None or not finite:
            where = f"before layer {culprit.path}" if culprit else "in the loss, after all layers"
            return (
                f"{when} the first NaN arises outside of any layer, {where}",
                "bound the logarithms and exponentials there",
            )
        return (
            f"{when} every layer gives finite numbers: the steps after that diverged",
            "a smaller learning rate, clipnorm=1.0 in the optimizer, or --on-nan rewind",
        )


def _count(broken: Sequence[str], weights: Sequence[keras.Variable]) -> str:
    first = f" (the first: {broken[0]})" if broken else ""
    return f"{len(broken)} of {len(weights)} weights{first}"
