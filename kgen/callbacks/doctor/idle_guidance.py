"""Guidance that does nothing: the condition changes no output."""

from collections.abc import Mapping

import keras
import numpy as np

from kgen.callbacks.doctor.finding import Check, Finding
from kgen.callbacks.doctor.protocols import Guided


class IdleGuidance(Check):
    """Finds a model whose conditional and unconditional outputs are the same.

        difference = |conditional - unconditional| / |conditional|   (Euclidean norms over 64 outputs)

    Guidance moves along this difference: where it is 0, no strength helps.

    Args:
        least: below this difference it is a finding.
        patience: in epochs: a fresh network knows no condition yet.

    Source: "Classifier-Free Diffusion Guidance" (Ho and Salimans, 2022), equation 6.

    >>> IdleGuidance().patience
    3
    """

    name = "idle guidance"

    def __init__(self, least: float = 1e-3, patience: int = 3) -> None:
        self.least = least
        self.patience = patience

    def fits(self, model: keras.Model) -> bool:
        """Models with guidance."""
        return isinstance(model, Guided)

    def look(self, model: keras.Model, logs: Mapping[str, float], epoch: int) -> Finding | None:
        """Compares the two outputs."""
        conditional, free = (np.asarray(a, "float64") for a in model.guidance_outputs(64, seed=0))
        size = float(np.linalg.norm(conditional))
        difference = float(np.linalg.norm(conditional - free)) / max(size, 1e-12)
        if difference >= self.least:
            return None
        return Finding(
            self.name,
            epoch,
            f"the condition changes the output by {difference:.2g} of its size (below {self.least:g})",
            "the network ignores the condition, so guidance of any strength changes nothing",
            "check that fit gets the labels and that they fit the examples, drop the condition less "
            "often, or let it enter the network in more places",
            severity=1.0 - difference,
        )
