"""Mode collapse: samples that are all alike, where the examples are not."""

from collections.abc import Callable, Mapping

import keras
import numpy as np

from kgen.callbacks.doctor.finding import Check, Finding
from kgen.callbacks.doctor.protocols import Samples
from kgen.metrics.checks import as_vectors, check_varied
from kgen.metrics.distances import squared_distances
from kgen.metrics.mixtures import Mixture, modes_covered

_MEANS = "the generator makes a part of the data only, whatever its noise"
_ADVICE = (
    "a smaller learning rate, more critic steps, a larger batch, an average of the weights "
    "(ema_decay), or another adversarial loss"
)


class ModeCollapse(Check):
    """Finds samples whose pairs lie much closer together than those of the reference.

        diversity = mean |a - b| over pairs of samples / mean |a - b| over pairs of the reference

    Args:
        reference: examples `(n, ...)`, of which 256 are compared with as many samples.
        features: takes examples, gives vectors `(n, d)` to measure distances in; None: as they are.
        least: below this diversity it is a collapse.
        patience: in epochs: at the start every generator is.

    Raises:
        ValueError: where the examples are all the same, or not finite.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(256, 2))
    >>> round(ModeCollapse(x).diversity(0.1 * x), 6)
    0.1
    """

    name = "mode collapse"

    def __init__(
        self,
        reference: np.ndarray,
        features: Callable[[np.ndarray], np.ndarray] | None = None,
        least: float = 0.3,
        patience: int = 3,
    ) -> None:
        self.n = min(256, len(reference))
        self.features = features if features is not None else np.asarray
        self.least = least
        self.patience = patience
        examples = np.asarray(reference[: self.n])
        check_varied(as_vectors(self.features(examples), "reference"), "reference examples")
        self._spread = self._mean_distance(examples, "reference")

    def fits(self, model: keras.Model) -> bool:
        """Models with samples."""
        return isinstance(model, Samples)

    def diversity(self, samples: np.ndarray) -> float:
        """Gives the mean distance of pairs of samples over that of the reference; 1 is its own."""
        return self._mean_distance(samples, "samples") / self._spread

    def look(self, model: keras.Model, logs: Mapping[str, float], epoch: int) -> Finding | None:
        """Draws samples, and measures their distances."""
        samples = model.sample(self.n, seed=0)
        if not np.isfinite(samples).all():  # another disease
            return None
        diversity = self.diversity(samples)
        if diversity >= self.least:
            return None
        saw = (
            f"{self.n} samples are on average {diversity:.2g} times as far from each other as the "
            f"examples (below {self.least:g})"
        )
        return Finding(self.name, epoch, saw, _MEANS, _ADVICE, severity=1.0 / max(diversity, 1e-6))

    def _mean_distance(self, x: np.ndarray, name: str) -> float:
        vectors = as_vectors(self.features(x), name)
        vectors -= vectors.mean(axis=0)
        distances = np.sqrt(squared_distances(vectors, vectors))
        return float(distances.sum()) / (len(x) * (len(x) - 1))


class LostModes(Check):
    """Finds the modes of a known mixture that no sample comes near.

    Args:
        mixture: as `kgen.metrics.mixtures.Mixture`, the toys ring8, grid25 and two_gaussians.
        patience: in epochs.

    Source: "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning" (Srivastava
    et al., 2017), section 5.1.

    >>> from kgen.data.toys import grid25
    >>> LostModes(grid25).n
    2500
    """

    name = "lost modes"

    def __init__(self, mixture: Mixture, patience: int = 5) -> None:
        self.mixture = mixture
        self.n = 100 * len(mixture.modes)
        self.patience = patience

    def fits(self, model: keras.Model) -> bool:
        """Models with samples."""
        return isinstance(model, Samples)

    def look(self, model: keras.Model, logs: Mapping[str, float], epoch: int) -> Finding | None:
        """Draws 100 samples for each mode, and counts the modes with one within 3 sigma."""
        samples = model.sample(self.n, seed=0)
        if not np.isfinite(samples).all():  # another disease
            return None
        covered = int(modes_covered(samples, self.mixture).value)
        modes = len(self.mixture.modes)
        if covered == modes:
            return None
        saw = f"{self.n} samples come near {covered} of {modes} modes"
        return Finding(self.name, epoch, saw, _MEANS, _ADVICE, severity=float(modes - covered))
