"""Histograms: counts in cells of equal size."""

import dataclasses

import numpy as np

from kgen.density.base import Density, Seed

_MOST = 10_000_000  # cells: 80 MB


@dataclasses.dataclass(eq=False)
class Histogram(Density):
    """A density that is constant in each cell of a grid, or, `independent`, a product of such ones.

        p(x) = (n_cell + s) / (n + s cells) / volume

    Args:
        bins: cells along each axis.
        range: of every axis, (low, high); None: from the least to the greatest value of each. Outside
            the density is 0.
        independent: one histogram for each dimension, as if they were independent: for images.
        smoothing: s, examples added to each cell, so that no cell inside is empty; 0: the counts alone.

    `fitted`: `low` and `high` (d,); `log_mass` of the cells, (1, bins^d), or (d, bins) if independent.

    Raises ValueError for bins < 1, smoothing < 0, low >= high; in `fit` also for more than 10^7 cells,
    examples outside of the range, and an axis without extent.

    Source: "Density Estimation for Statistics and Data Analysis" (Silverman, 1986), section 2.2.

    >>> x = np.array([[0.1], [0.2], [0.9]])
    >>> histogram = Histogram(bins=2, range=(0.0, 1.0), smoothing=0.0).fit(x)
    >>> np.exp(histogram.log_prob(x)).round(4).tolist()  # 2/3 and 1/3 on cells of width 1/2
    [1.3333, 1.3333, 0.6667]
    """

    bins: int = 32
    range: tuple[float, float] | None = None
    independent: bool = False
    smoothing: float = 1.0

    def __post_init__(self) -> None:
        """Checks the options."""
        if self.bins < 1 or not self.smoothing >= 0:
            raise ValueError(f"expected bins >= 1 and smoothing >= 0, got {self}")
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"expected range as (low, high), low < high, got {self.range}")

    def _fit(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        dims = vectors.shape[1]
        low, high = self._borders(vectors)
        groups, cells = (dims, self.bins) if self.independent else (1, self.bins**dims)
        if groups * cells > _MOST:
            raise ValueError(
                f"fit: {self.bins} bins on {dims} axes are {self.bins}^{dims} cells: fewer bins, or "
                "independent=True"
            )
        numbers = self._cells(vectors, low, high) + cells * np.arange(groups)
        counts = np.bincount(numbers.ravel(), minlength=groups * cells).reshape(groups, cells)
        mass = (counts + self.smoothing) / (len(vectors) + self.smoothing * cells)
        with np.errstate(divide="ignore"):
            return {"low": low, "high": high, "log_mass": np.log(mass)}

    def _log_prob(self, vectors: np.ndarray) -> np.ndarray:
        low, high, log_mass = (self.fitted[name] for name in ("low", "high", "log_mass"))
        inside = ((vectors >= low) & (vectors <= high)).all(axis=1)
        cells = self._cells(vectors.clip(low, high), low, high)
        mass = log_mass[np.arange(len(log_mass)), cells].sum(axis=1)
        return np.where(inside, mass - np.log((high - low) / self.bins).sum(), -np.inf)

    def _sample(self, n: int, seed: Seed) -> np.ndarray:
        rng = np.random.default_rng(seed)
        low, high, log_mass = (self.fitted[name] for name in ("low", "high", "log_mass"))
        drawn = [rng.choice(len(log_p), n, p=np.exp(log_p)) for log_p in log_mass]
        if not self.independent:
            drawn = np.unravel_index(drawn[0], (self.bins,) * len(low))
        corner = np.stack(drawn, axis=1)
        return low + (corner + rng.random(corner.shape)) / self.bins * (high - low)

    def _borders(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        least, greatest = vectors.min(axis=0), vectors.max(axis=0)
        if self.range is None:
            low, high = least, greatest
        else:
            low, high = (np.full(len(least), border) for border in self.range)
        # Borders that are float32 numbers: then rounding puts no sample outside.
        low, high = (border.astype("float32").astype("float64") for border in (low, high))
        if (least < low).any() or (greatest > high).any():
            raise ValueError(
                f"fit: values in [{least.min():.4g}, {greatest.max():.4g}] lie outside of the range "
                f"[{low.min():.4g}, {high.max():.4g}]: widen it, or leave it out"
            )
        if (low == high).any():
            axis = int((low == high).argmax())
            raise ValueError(f"fit: all examples are equal on axis {axis}: give range=(low, high)")
        return low, high

    def _cells(self, vectors: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """The number of each vector's cell: (n, 1), or (n, d) if independent."""
        cell = ((vectors - low) / (high - low) * self.bins).astype("int64").clip(0, self.bins - 1)
        if self.independent:
            return cell
        return np.ravel_multi_index(tuple(cell.T), (self.bins,) * cell.shape[1])[:, None]
