"""Gaussian mixtures, fitted by expectation-maximisation: scikit-learn's."""

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from kgen.density.base import Density, Seed
from kgen.density.packages import scikit_learn

if TYPE_CHECKING:
    import sklearn.mixture

_LEARNED = ("weights", "means", "covariances", "precisions_cholesky")


@dataclasses.dataclass(eq=False)
class GaussianMixture(Density):
    """A mixture of Gaussians: p(x) = sum_k w_k N(x; m_k, S_k).

    Args:
        components: k.
        covariance: "full", "tied" (one for all components), "diag" or "spherical".
        regularisation: added to each variance; it keeps components on few examples from collapsing.
        iterations: at most so many; a warning says where they were too few.
        tolerance: it has converged where the mean log-likelihood grows by less, nats.
        seed: of the k-means that it begins with.

    `fitted`: `weights` (k,), `means` (k, d), `covariances` and `precisions_cholesky`.

    Raises ValueError for numbers out of range and, in `fit`, for fewer examples than components or a
    singular covariance; ImportError where scikit-learn is not installed.

    Source: "Maximum Likelihood from Incomplete Data via the EM Algorithm" (Dempster et al., 1977),
    section 4.3.

    >>> from kgen.data.toys import two_gaussians
    >>> mixture = GaussianMixture(components=2).fit(two_gaussians.sample(2000, seed=0))
    >>> held_out = two_gaussians.sample(2000, seed=1)
    >>> difference = mixture.log_prob(held_out) - two_gaussians.log_prob(held_out)
    >>> bool(abs(difference.mean()) < 0.01)
    True
    """

    components: int = 8
    covariance: Literal["full", "tied", "diag", "spherical"] = "full"
    regularisation: float = 1e-6
    iterations: int = 200
    tolerance: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks the options."""
        if self.components < 1 or self.iterations < 1:
            raise ValueError(f"expected components >= 1 and iterations >= 1, got {self}")
        if not self.regularisation >= 0 or not self.tolerance > 0:
            raise ValueError(f"expected regularisation >= 0 and tolerance > 0, got {self}")
        if self.covariance not in ("full", "tied", "diag", "spherical"):
            raise ValueError(
                f"expected covariance 'full', 'tied', 'diag' or 'spherical', got {self.covariance!r}"
            )

    def _fit(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        if len(vectors) < max(self.components, 2):
            raise ValueError(
                f"fit: {self.components} components need at least {max(self.components, 2)} examples, "
                f"got {len(vectors)}: give more, or fewer components"
            )
        mixture = self._estimator()
        with warnings.catch_warnings(), _naming_the_fix():
            warnings.simplefilter("ignore")  # said below in the words of this class
            mixture.fit(vectors)
        if not mixture.converged_:
            warnings.warn(
                f"the mixture did not converge in {self.iterations} iterations: give more, or a larger "
                "tolerance",
                stacklevel=3,
            )
        return {name: np.asarray(getattr(mixture, f"{name}_")) for name in _LEARNED}

    def _log_prob(self, vectors: np.ndarray) -> np.ndarray:
        return self._restored().score_samples(vectors)

    def _sample(self, n: int, seed: Seed) -> np.ndarray:
        mixture = self._restored().set_params(random_state=seed)
        drawn, _ = mixture.sample(n)
        return np.random.default_rng(seed).permutation(drawn)  # they come sorted by component

    def _estimator(self) -> "sklearn.mixture.GaussianMixture":
        return scikit_learn("mixture").GaussianMixture(
            self.components,
            covariance_type=self.covariance,
            reg_covar=self.regularisation,
            max_iter=self.iterations,
            tol=self.tolerance,
            random_state=self.seed,
        )

    def _restored(self) -> "sklearn.mixture.GaussianMixture":
        mixture = self._estimator()
        for name in _LEARNED:
            setattr(mixture, f"{name}_", self.fitted[name])
        return mixture


@contextlib.contextmanager
def _naming_the_fix() -> Iterator[None]:
    """Explains what scikit-learn finds wrong with examples that were checked before."""
    try:
        yield
    except ValueError as error:
        raise ValueError(
            "fit: a component has a singular covariance: a larger regularisation, fewer components, or "
            "covariance='diag'"
        ) from error
