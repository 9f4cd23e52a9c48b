"""Dead codes: entries of a codebook that no example uses."""

from collections.abc import Mapping

import keras
import numpy as np

from kgen.callbacks.doctor.finding import Check, Finding
from kgen.callbacks.doctor.protocols import HasCodebook

_ENOUGH = 10  # codes drawn for each entry of the book, before an unused entry says anything


class DeadCodes(Check):
    """Finds a codebook of which many codes are never used.

    Args:
        reference: examples `(n, ...)`, of which 1000 are encoded; where they use fewer than 10 codes
            for each entry of the book, nothing can be said.
        most: above this share of unused codes it is a finding.
        patience: in epochs.

    Source: "Neural Discrete Representation Learning" (van den Oord et al., 2017).

    >>> DeadCodes(np.zeros((50, 2), "float32")).examples.shape
    (50, 2)
    """

    name = "dead codes"

    def __init__(self, reference: np.ndarray, most: float = 0.5, patience: int = 3) -> None:
        self.examples = np.asarray(reference[:1000])
        self.most = most
        self.patience = patience

    def fits(self, model: keras.Model) -> bool:
        """Models with a codebook."""
        return isinstance(model, HasCodebook)

    def look(self, model: keras.Model, logs: Mapping[str, float], epoch: int) -> Finding | None:
        """Counts the codes that the examples use."""
        usage = np.asarray(model.code_usage(self.examples))
        dead, codes = int((usage == 0).sum()), len(usage)
        if usage.sum() < _ENOUGH * codes or dead <= self.most * codes:
            return None
        return Finding(
            self.name,
            epoch,
            f"{dead} of {codes} codes are used by none of {len(self.examples)} examples",
            "the codebook carries less than it could: what is never chosen is never trained",
            "start the dead codes again from encoder outputs, a moving average for the codebook, a "
            "smaller codebook, or fewer dimensions for each code",
            severity=dead / codes,
        )
