"""Divergences between histograms: counts, probabilities, or samples of the plane on a grid.

A histogram is an array of any shape: integers are counts, floats are probabilities that sum to 1.
Divergences are in nats. They are biased upwards where bins hold few counts; errors are first-order
(the variance of the divergence's gradient), from the counts.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kgen.metrics.card import Card
from kgen.metrics.checks import as_vectors, check_size

Gradients = tuple[float, np.ndarray, np.ndarray]


def histogram_kl(samples: np.ndarray, reference: np.ndarray, smoothing: float = 0.0) -> Card:
    """Measures KL(q || p) = sum q log(q / p) of the samples' histogram q to the reference's p.

    Args:
        samples: the histogram q, see above.
        reference: the histogram p, of the same shape.
        smoothing: the share, in [0, 1), of a uniform distribution that is mixed into p, so that no
            bin of it is empty.

    Raises:
        ValueError: for different shapes, negative or non-finite entries, floats that do not sum to 1;
            and where q has mass in bins that p leaves empty: the divergence is infinite.

    Source: "On Information and Sufficiency" (Kullback and Leibler, 1951), equation 2.4.

    >>> round(histogram_kl(np.array([0.5, 0.5]), np.array([0.25, 0.75])).value, 4)  # log(4/3) / 2
    0.1438
    """
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"expected smoothing in [0, 1), got {smoothing}")

    def divergence(q: np.ndarray, p: np.ndarray) -> Gradients:
        p = (1.0 - smoothing) * p + smoothing / len(p)
        outside = (q > 0) & (p == 0)
        if outside.any():
            raise ValueError(
                f"KL is infinite: the samples have {q[outside].sum():.2g} of their mass in "
                f"{outside.sum()} bins where the reference is 0; use fewer bins, smoothing=0.01, or js"
            )
        ratio = np.divide(q, p, out=np.zeros_like(q), where=q > 0)
        logs = _log(ratio)
        return float((q * logs).sum()), logs, -(1.0 - smoothing) * ratio

    notes = (f"smoothing {smoothing:g}",) if smoothing else ()
    return _card("histogram_kl", divergence, samples, reference, notes, "nats")


def histogram_js(samples: np.ndarray, reference: np.ndarray) -> Card:
    """Measures the Jensen-Shannon divergence, in [0, log 2] nats, finite for any two histograms.

        JS = KL(q || m) / 2 + KL(p || m) / 2,   m = (q + p) / 2

    Arguments and errors as `histogram_kl`.

    Source: "Divergence Measures Based on the Shannon Entropy" (Lin, 1991), equation 4.1, equal weights.

    >>> round(histogram_js(np.array([10, 0]), np.array([0, 10])).value, 4)  # log 2
    0.6931
    """

    def divergence(q: np.ndarray, p: np.ndarray) -> Gradients:
        middle = (q + p) / 2
        log_q, log_p = (
            _log(np.divide(h, middle, out=np.zeros_like(h), where=h > 0)) / 2 for h in (q, p)
        )
        return float((q * log_q + p * log_p).sum()), log_q, log_p

    return _card("histogram_js", divergence, samples, reference, (), "nats")


def histogram_total_variation(samples: np.ndarray, reference: np.ndarray) -> Card:
    """Measures the total variation sum |q - p| / 2, in [0, 1]: the mass that must move.

    Arguments and errors as `histogram_kl`.

    Source: "Markov Chains and Mixing Times" (Levin, Peres and Wilmer, 2009), proposition 4.2.

    >>> histogram_total_variation(np.array([0.5, 0.5]), np.array([0.25, 0.75])).value
    0.25
    """

    def divergence(q: np.ndarray, p: np.ndarray) -> Gradients:
        sign = np.sign(q - p) / 2
        return float(np.abs(q - p).sum() / 2), sign, -sign

    return _card("histogram_total_variation", divergence, samples, reference, (), "")


@dataclass(frozen=True)
class Grid:
    """A square of the plane cut into bins x bins cells, and one more bin for all that is outside.

    Raises ValueError where high is not above low, or bins < 1.

    >>> from kgen.data.toys import checkerboard
    >>> grid = Grid(-4.0, 4.0, bins=4)
    >>> histogram_js(grid.counts(checkerboard.sample(4000, seed=0)),
    ...              grid.probabilities(checkerboard.log_prob)).value < 1e-3
    True
    """

    low: float
    high: float
    bins: int = 32

    def __post_init__(self) -> None:
        """Checks the borders."""
        if not self.low < self.high or self.bins < 1:
            raise ValueError(f"expected low < high and bins >= 1, got {self}")

    def counts(self, points: np.ndarray) -> np.ndarray:
        """Counts the points (n, 2) in each cell, and those outside: int64 (bins^2 + 1,)."""
        points = as_vectors(points, "points")
        if points.shape[1] != 2:
            raise ValueError(f"expected points of the plane, (n, 2), got {points.shape}")
        cell = np.floor((points - self.low) / (self.high - self.low) * self.bins)
        inside = ((cell >= 0) & (cell < self.bins)).all(axis=1)
        number = np.where(inside, cell[:, 0] * self.bins + cell[:, 1], self.bins**2)
        return np.bincount(number.astype("int64"), minlength=self.bins**2 + 1)

    def probabilities(
        self, log_prob: Callable[[np.ndarray], np.ndarray], points: int = 8
    ) -> np.ndarray:
        """Integrates a density over each cell: float64 (bins^2 + 1,), the last being the rest.

        Args:
            log_prob: of points (n, 2) in nats, as that of the toys of `kgen.data`; -inf is no mass.
            points: on each side of a cell (midpoint rule). Their distance is to be below the smallest
                scale of the density: what is narrower falls between them, and into the rest.

        Raises ValueError where the integral over the square is more than 1.01: too few points.
        """
        side = self.bins * points
        step = (self.high - self.low) / side
        axis = self.low + step * (np.arange(side) + 0.5)
        rows = [np.exp(log_prob(np.stack([np.full(side, x), axis], axis=1))) for x in axis]
        cells = np.stack(rows).reshape(self.bins, points, self.bins, points).sum(axis=(1, 3)) * step**2
        inside = cells.sum()
        if not inside <= 1.01:
            raise ValueError(f"the density integrates to {inside:.3f} on the grid: use more points")
        cells = np.append(cells.ravel(), max(1.0 - inside, 0.0))
        return cells / cells.sum()


def _card(
    metric: str,
    divergence: Callable[[np.ndarray, np.ndarray], Gradients],
    samples: np.ndarray,
    reference: np.ndarray,
    notes: tuple[str, ...],
    unit: str,
) -> Card:
    (q, n), (p, m) = _normalised(samples, "samples"), _normalised(reference, "reference")
    if np.shape(samples) != np.shape(reference):
        raise ValueError(
            f"expected histograms of one shape, got {np.shape(samples)} and {np.shape(reference)}"
        )
    for count in (n, m):
        if count is not None:
            notes += check_size(metric, count, floor=2, recommended=5 * len(q), what="counts")
    value, to_q, to_p = divergence(q, p)
    counted = [(h, g, count) for h, g, count in ((q, to_q, n), (p, to_p, m)) if count is not None]
    return Card(
        metric=metric,
        value=max(value, 0.0),  # rounding may go below
        unit=unit,
        error=math.sqrt(sum(_variance(*part) for part in counted)) if counted else None,
        method="delta method" if counted else "exact",
        samples=n or 0,
        reference=m,
        notes=(f"{len(q)} bins", *notes),
    )


def _normalised(histogram: np.ndarray, name: str) -> tuple[np.ndarray, int | None]:
    """Probabilities, and of how many counts; None where they were probabilities."""
    histogram = np.asarray(histogram)
    if histogram.size < 2 or histogram.dtype.kind not in "fiu":
        raise ValueError(f"expected {name} as counts or probabilities of two bins or more")
    if not np.isfinite(histogram).all() or (histogram < 0).any():
        raise ValueError(f"expected {name} without negative, NaN or infinite entries")
    total = histogram.sum()
    if histogram.dtype.kind == "f":
        if abs(total - 1.0) > 1e-5:
            raise ValueError(
                f"expected {name} as probabilities that sum to 1, got {total:.6g}: pass counts as "
                "integers"
            )
        return histogram.ravel().astype("float64") / total, None
    if total == 0:
        raise ValueError(f"the histogram of the {name} is empty: all counts are 0")
    return histogram.ravel() / total, int(total)


def _variance(probability: np.ndarray, gradient: np.ndarray, count: int) -> float:
    mean = (probability * gradient).sum()
    return float((probability * (gradient - mean) ** 2).sum()) / count


def _log(ratio: np.ndarray) -> np.ndarray:
    """log, and 0 where the ratio is 0: there 0 log 0 = 0."""
    return np.log(ratio, out=np.zeros_like(ratio), where=ratio > 0)
