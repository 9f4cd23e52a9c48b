"""Gaussians that sum up features: gathered in batches, halved, and compared."""

from dataclasses import dataclass

import numpy as np

from kgen.metrics.checks import as_vectors

GROUPS = 8
"""Into how many groups `GaussianStatistics` deals its examples."""

_Moments = tuple[int, np.ndarray, np.ndarray]  # count, mean and scatter of a group


@dataclass(frozen=True)
class Gaussian:
    """How many examples, their mean `(d,)` and their unbiased covariance `(d, d)`, float64."""

    count: int
    mean: np.ndarray
    covariance: np.ndarray


class GaussianStatistics:
    """Mean and covariance of vectors that come in batches, in memory that does not grow.

    The examples are dealt to eight groups by chance, each with its count, mean and scatter: halves
    of the set can then be measured without the examples. Memory: 64 d² bytes.

    Args:
        seed: of the dealing.

    Source: "Updating formulae and a pairwise algorithm for computing sample variances" (Chan et al.,
    1979), equation 2.1.

    >>> statistics = GaussianStatistics()
    >>> for batch in np.split(np.arange(24.0).reshape(12, 2), 3):
    ...     _ = statistics.update(batch)
    >>> statistics.gaussian().mean
    array([11., 12.])
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.count = 0
        self.varied = False
        """Whether any two examples differ."""
        self._first: np.ndarray | None = None
        self._rng = np.random.default_rng(seed)
        self._groups: list[_Moments] = []

    def update(self, batch: np.ndarray) -> "GaussianStatistics":
        """Adds examples `(n, ...)`, flattened; gives itself.

        Raises ValueError where they hold NaN, are no numbers, or differ in size from those before.
        """
        vectors = as_vectors(batch, "batch")
        if not self._groups:
            d = vectors.shape[1]
            self._groups = [(0, np.zeros(d), np.zeros((d, d)))] * GROUPS
        if vectors.shape[1] != self.dims:
            raise ValueError(f"expected examples of {self.dims} features, got {vectors.shape[1]}")
        self._first = vectors[0] if self._first is None else self._first
        self.varied = self.varied or bool((vectors != self._first).any())
        # By chance: in turn would be by class, where the labels of the samples go round.
        dealt = self._rng.permutation(self.count + np.arange(len(vectors))) % GROUPS
        for group in np.unique(dealt):
            self._groups[group] = _merge([self._groups[group], _moments(vectors[dealt == group])])
        self.count += len(vectors)
        return self

    @property
    def dims(self) -> int:
        """The number of features; 0 before the first batch."""
        return len(self._groups[0][1]) if self._groups else 0

    def gaussian(self, groups: np.ndarray | None = None) -> Gaussian:
        """Gives count, mean and covariance of all examples, or of some groups, `(8,)` booleans."""
        chosen = self._groups if groups is None else [self._groups[i] for i in np.flatnonzero(groups)]
        count, mean, scatter = _merge(chosen)
        return Gaussian(count, mean, scatter / (count - 1))


def gaussian_frechet(a: Gaussian, b: Gaussian) -> float:
    """Gives the squared Fréchet (2-Wasserstein) distance between two Gaussians.

    Covariances may be singular. Source: "GANs Trained by a Two Time-Scale Update Rule Converge to a
    Local Nash Equilibrium" (Heusel et al., 2017), equation 6:
    |m_a - m_b|² + tr(C_a + C_b - 2 (C_a C_b)^(1/2)).

    >>> a = Gaussian(2, np.zeros(2), np.diag([1.0, 4.0]))
    >>> b = Gaussian(2, np.ones(2), np.diag([9.0, 0.0]))
    >>> round(gaussian_frechet(a, b), 9)  # 1 + (1 - 3)² + 1 + (2 - 0)²
    10.0
    """
    # With C = F Fᵀ, the eigenvalues of C_a C_b are the squared singular values of F_aᵀ F_b: no root of
    # a matrix is needed, and no eigenvalue is lost to rounding.
    overlap = np.linalg.svd(_factor(a.covariance).T @ _factor(b.covariance), compute_uv=False).sum()
    spread = np.trace(a.covariance) + np.trace(b.covariance)
    return max(float(((a.mean - b.mean) ** 2).sum() + spread - 2 * overlap), 0.0)


def _moments(vectors: np.ndarray) -> _Moments:
    mean = vectors.mean(axis=0)
    return len(vectors), mean, (vectors - mean).T @ (vectors - mean)


def _merge(parts: list[_Moments]) -> _Moments:
    """Count, mean and scatter of the union: the scatters add, with that of the means around theirs."""
    counts = np.array([count for count, _, _ in parts], "float64")
    means = np.stack([mean for _, mean, _ in parts])
    mean = counts @ means / counts.sum()
    apart = (means - mean) * np.sqrt(counts)[:, None]
    return int(counts.sum()), mean, sum(scatter for _, _, scatter in parts) + apart.T @ apart


def _factor(covariance: np.ndarray) -> np.ndarray:
    """F with F Fᵀ = the covariance: Cholesky's, or, where that is singular, from its eigenvectors."""
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        noise = len(values) * np.finfo("float64").eps * values[-1]
        return vectors * np.sqrt(np.where(values > noise, values, 0.0))
