"""Mode coverage, where the data are a mixture of Gaussians that is known.

A `Mixture` is any object with `modes` (k, d), `scale` (the standard deviation of every mode) and
`weights` (k,), summing to 1: the toys ring8, grid25 and two_gaussians are, and so is
`types.SimpleNamespace(modes=..., scale=..., weights=...)`. A sample belongs to the mode nearest to it.
"""

from typing import Protocol

import numpy as np

from kgen.metrics.card import Card
from kgen.metrics.checks import as_vectors, check_size
from kgen.metrics.distances import nearest
from kgen.metrics.histograms import histogram_kl
from kgen.metrics.proportions import seen_error, share_card


class Mixture(Protocol):
    """Round Gaussians of one scale."""

    @property
    def modes(self) -> np.ndarray:
        """Their centres (k, d)."""

    @property
    def scale(self) -> float:
        """The standard deviation of each along each axis."""

    @property
    def weights(self) -> np.ndarray:
        """The probability of each (k,)."""


def modes_covered(samples: np.ndarray, mixture: Mixture, within: float = 3.0) -> Card:
    """Counts the modes that have a sample within 3 standard deviations.

    Args:
        samples: (n, d).
        mixture: see above.
        within: how many standard deviations from its mode a sample may be.

    Returns:
        The card; the error says how much the count of another n samples would vary.

    Raises:
        ValueError: for another dimension than the modes', NaN, or fewer samples than modes.

    Source: "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational Learning" (Srivastava
    et al., 2017), section 5.1.

    >>> from kgen.data.toys import ring8
    >>> modes_covered(ring8.sample(2500, seed=0), ring8).value
    8.0
    """
    mode, good = _assign(samples, mixture, within)
    k = len(mixture.modes)
    notes = check_size("modes_covered", len(mode), floor=k, recommended=100 * k)
    counts = np.bincount(mode[good], minlength=k)
    return Card(
        metric="modes_covered",
        value=float((counts > 0).sum()),
        higher_is_better=True,
        error=seen_error(np.append(counts, len(mode) - good.sum())),
        method="closed-form bootstrap",
        samples=len(mode),
        notes=(f"of {k} modes", f"within {within:g} sigma", *notes),
    )


def high_quality_share(samples: np.ndarray, mixture: Mixture, within: float = 3.0) -> Card:
    """Measures the share of the samples within 3 standard deviations of a mode.

    Of the mixture itself it is the chi distribution's: 0.989 in the plane.

    Arguments, errors and source as `modes_covered`.

    >>> from kgen.data.toys import grid25
    >>> round(high_quality_share(grid25.sample(10_000, seed=0), grid25).value, 2)
    0.99
    """
    mode, good = _assign(samples, mixture, within)
    k = len(mixture.modes)
    notes = check_size("high_quality_share", len(mode), floor=k, recommended=100 * k)
    return share_card(
        "high_quality_share", good, higher_is_better=True, notes=(f"within {within:g} sigma", *notes)
    )


def mode_reverse_kl(samples: np.ndarray, mixture: Mixture) -> Card:
    """Measures how unevenly the samples fill the modes: KL(q || weights), in nats.

        KL = sum_k q_k log(q_k / w_k),   q_k: the share of the samples nearest to mode k

    0 is the mixture's own balance; one mode alone of k equal ones gives log k. Every sample counts,
    near its mode or not. From n samples the mixture itself gives about (k - 1) / (2n).

    Args:
        samples: (n, d).
        mixture: see above.

    Raises:
        ValueError: as `modes_covered`.

    Source: "PacGAN: The power of two samples in generative adversarial networks" (Lin et al., 2018),
    section 4.

    >>> from kgen.data.toys import ring8
    >>> collapsed = ring8.modes[:1].repeat(1000, axis=0)
    >>> round(mode_reverse_kl(collapsed, ring8).value, 4)  # log 8
    2.0794
    """
    mode, _ = _assign(samples, mixture, np.inf)
    k = len(mixture.modes)
    notes = check_size("mode_reverse_kl", len(mode), floor=k, recommended=100 * k)
    card = histogram_kl(np.bincount(mode, minlength=k), mixture.weights)
    return card.with_(metric="mode_reverse_kl", notes=(f"{k} modes", *notes))


def _assign(samples: np.ndarray, mixture: Mixture, within: float) -> tuple[np.ndarray, np.ndarray]:
    """The number of the nearest mode, int64 (n,), and whether it is near enough, bool (n,)."""
    samples = as_vectors(samples, "samples")
    modes = as_vectors(mixture.modes, "modes")
    if samples.shape[1] != modes.shape[1]:
        raise ValueError(
            f"expected samples of shape (n, {modes.shape[1]}), like the modes, got {samples.shape}"
        )
    if not mixture.scale > 0 or not within > 0:
        raise ValueError(f"expected scale and within above 0, got {mixture.scale} and {within}")
    mode, distance = nearest(samples, modes)
    return mode[:, 0], distance[:, 0] <= within * mixture.scale
