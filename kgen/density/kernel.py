"""Kernel density estimates: a small Gaussian on each example; scikit-learn's trees."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from kgen.density.base import Density, Seed
from kgen.density.packages import scikit_learn

if TYPE_CHECKING:
    import sklearn.neighbors

_HELD_OUT = 1000  # at most so many examples tell bandwidths apart, in each split
_SPLITS = 3
_TRIED = np.logspace(-1.5, 0.3, 13)  # multiples of Scott's bandwidth


@dataclasses.dataclass(eq=False)
class KernelDensity(Density):
    """A Gaussian of one width on each example: p(x) = 1/n sum_i N(x; x_i, h^2 I).

    Args:
        bandwidth: h, in the unit of the examples; None: cross-validated, that of 13 around Scott's rule
            under which examples that were left out are likeliest.
        seed: of the splits of the cross-validation.

    `fitted`: `examples` (n, d) and `bandwidth`, h.

    Raises ValueError for h <= 0 and, in `fit`, where fewer than 10 examples or identical ones are to
    tell bandwidths apart; ImportError where scikit-learn is not installed.

    Sources: "On Estimation of a Probability Density Function and Mode" (Parzen, 1962), equation 1.3;
    "Multivariate Density Estimation" (Scott, 1992), equation 6.42.

    >>> point = KernelDensity(bandwidth=1.0).fit(np.zeros((1, 1)))
    >>> point.log_prob(np.array([[0.0]])).round(4).tolist()  # -log(2 pi) / 2
    [-0.9189]
    """

    bandwidth: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the bandwidth."""
        if self.bandwidth is not None and not self.bandwidth > 0:
            raise ValueError(f"expected bandwidth > 0, or None, got {self.bandwidth}")

    def _fit(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        bandwidth = self.bandwidth or self._cross_validated(vectors)
        return {"examples": vectors, "bandwidth": np.array(bandwidth)}

    def _log_prob(self, vectors: np.ndarray) -> np.ndarray:
        return self._estimator().score_samples(vectors)

    def _sample(self, n: int, seed: Seed) -> np.ndarray:
        return self._estimator().sample(n, random_state=seed)

    def _estimator(self) -> "sklearn.neighbors.KernelDensity":
        kernel = scikit_learn("neighbors").KernelDensity(bandwidth=float(self.fitted["bandwidth"]))
        return kernel.fit(self.fitted["examples"])

    def _cross_validated(self, vectors: np.ndarray) -> float:
        n, dims = vectors.shape
        if n < 10:
            raise ValueError(f"fit: {n} examples are too few to choose a bandwidth: give bandwidth=")
        scale = np.sqrt(vectors.var(axis=0).mean())
        if not scale > 0:
            raise ValueError(f"fit: all {n} examples are identical: give bandwidth=")
        scott = scale * n ** (-1.0 / (dims + 4))  # equation 6.42, one scale for all dimensions
        selection = scikit_learn("model_selection")
        search = selection.GridSearchCV(
            scikit_learn("neighbors").KernelDensity(rtol=1e-3),
            {"bandwidth": scott * _TRIED},
            cv=selection.ShuffleSplit(
                _SPLITS, test_size=min(n // 5, _HELD_OUT), random_state=self.seed
            ),
            refit=False,
        )
        return float(search.fit(vectors).best_params_["bandwidth"])
