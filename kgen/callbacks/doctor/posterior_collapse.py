"""Posterior collapse: latents that say nothing of the example."""

import warnings
from collections.abc import Mapping

import keras
import numpy as np

from kgen.callbacks.doctor.finding import Check, Finding
from kgen.callbacks.doctor.protocols import HasPosterior
from kgen.metrics.codes import active_units


class PosteriorCollapse(Check):
    """Finds an encoder that gives the same posterior for every example.

    Args:
        reference: examples `(n, ...)`, of which 1000 are encoded.
        least: below this share of active latents (see `kgen.metrics.active_units`) it is a collapse.
        patience: in epochs: at the start of training few latents are active.

    Source: "Generating Sentences from a Continuous Space" (Bowman et al., 2016), section 3.1.

    >>> PosteriorCollapse(np.zeros((5000, 2), "float32")).examples.shape
    (1000, 2)
    """

    name = "posterior collapse"

    def __init__(
        self,
        reference: np.ndarray,
        least: float = 0.1,
        patience: int = 3,
        condition: np.ndarray | None = None,
    ) -> None:
        self.examples = np.asarray(reference[:1000])
        self.condition = None if condition is None else np.asarray(condition[:1000])
        self.least = least
        self.patience = patience

    def fits(self, model: keras.Model) -> bool:
        """Models with a posterior, and with the labels that their encoder needs."""
        given = ["labels"] if self.condition is not None else []
        return isinstance(model, HasPosterior) and set(_conditions(model)) <= set(given)

    def look(self, model: keras.Model, logs: Mapping[str, float], epoch: int) -> Finding | None:
        """Counts the latents whose mean depends on the example."""
        means = model.encode(self.examples, *([self.condition] if _conditions(model) else []))
        if not np.isfinite(means).all():  # another disease
            return None
        with warnings.catch_warnings():  # fewer examples than a card should have are enough here
            warnings.simplefilter("ignore", UserWarning)
            active = int(active_units(means).value)
        units = means.shape[-1]
        if active >= self.least * units:
            return None
        kl = f", and the KL term is {logs['kl']:.2g} nats" if "kl" in logs else ""
        return Finding(
            self.name,
            epoch,
            f"{active} of {units} latents depend on the example{kl}",
            "the decoder has learned to ignore the latents: samples vary by its noise alone",
            "a smaller beta, or one that rises from 0, a weaker decoder, or a smaller scale of the "
            "likelihood",
            severity=(units - active) / units,
        )


def _conditions(model: keras.Model) -> list[str]:
    """What `encode` takes besides examples."""
    return list(getattr(model, "endpoints", {}).get("encode", {}))[1:]
