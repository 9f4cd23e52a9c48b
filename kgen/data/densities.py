"""The families of distributions that the toys of `kgen.data.toys` are members of."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kgen.data.checks import check_finite, check_positive

Seed = int | tuple[int, ...] | None


@dataclass(frozen=True, eq=False)
class Toy(ABC):
    """A distribution of points of the plane; labels tell its `parts` apart (0: no labels)."""

    source: str
    parts: int

    @abstractmethod
    def _draw(self, rng: np.random.Generator, label: np.ndarray) -> np.ndarray:
        """Draws one point for each label: float64 (n, 2)."""

    @abstractmethod
    def _log_density(self, x: np.ndarray) -> np.ndarray:
        """Gives the log-density of finite float64 points (n, 2): float64 (n,)."""

    def _draw_labels(self, rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.integers(max(self.parts, 1), size=n)

    def sample_with_labels(self, n: int, seed: Seed = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Draws n points, float32 (n, 2), and which part each is of, int32 (n,) or None.

        The same seed gives the same points; None, fresh ones. Raises ValueError for n < 1.

        >>> from kgen.data.toys import ring8
        >>> x, y = ring8.sample_with_labels(5, seed=0)
        >>> x.shape, y.dtype
        ((5, 2), dtype('int32'))
        """
        check_positive("n", n)
        rng = np.random.default_rng(seed)
        label = self._draw_labels(rng, n)
        x = self._draw(rng, label).astype(np.float32)
        return x, label.astype(np.int32) if self.parts else None

    def sample(self, n: int, seed: Seed = None) -> np.ndarray:
        """Draws n points: float32 (n, 2). As `sample_with_labels`, without the labels.

        >>> from kgen.data.toys import moons
        >>> moons.sample(3, seed=0).shape
        (3, 2)
        """
        return self.sample_with_labels(n, seed)[0]

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Gives log p(x) in nats of points (n, 2): float64 (n,); -inf where the density is 0.

        Raises ValueError for another shape, and for NaN or infinities.

        >>> from kgen.data.toys import checkerboard
        >>> checkerboard.log_prob([[1.0, 1.0], [1.0, -1.0]]).round(4).tolist()
        [-3.4657, -inf]
        """
        x = np.asarray(x, np.float64)
        if x.ndim != 2 or x.shape[1] != 2:
            raise ValueError(f"log_prob: expected points of shape (n, 2), got {x.shape}")
        check_finite("log_prob", x)
        return self._log_density(x)


@dataclass(frozen=True, eq=False)
class GaussianMixture(Toy):
    """Round Gaussians of one scale: p(x) = sum_k w_k N(x; m_k, s^2 I). The label is k.

    modes: (k, 2); scale: s; weights: (k,), summing to 1.

    >>> from kgen.data.toys import grid25
    >>> grid25.modes.shape, grid25.scale, float(grid25.weights.sum().round(9))
    ((25, 2), 0.05, 1.0)
    """

    modes: np.ndarray
    scale: float
    weights: np.ndarray

    def _draw_labels(self, rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.choice(len(self.weights), size=n, p=self.weights)

    def _draw(self, rng: np.random.Generator, label: np.ndarray) -> np.ndarray:
        return self.modes[label] + self.scale * rng.standard_normal((len(label), 2))

    def _log_density(self, x: np.ndarray) -> np.ndarray:
        return _log_mixture(x, self.modes, self.scale, self.weights)


@dataclass(frozen=True, eq=False)
class NoisyCurves(Toy):
    """Curves blurred by Gaussian noise: x = c_k(t) + s e, t uniform in [low, high]. The label is k.

    p(x) = 1/K sum_k 1/(high - low) * integral of N(x; c_k(t), s^2 I) dt, by Gauss-Legendre
    quadrature of 8 points in each of 128 panels (relative error below 1e-9 for the toys here).
    curves: each takes t (n,) and gives points (n, 2).
    """

    curves: tuple[Callable[[np.ndarray], np.ndarray], ...]
    low: float
    high: float
    scale: float

    def _draw(self, rng: np.random.Generator, label: np.ndarray) -> np.ndarray:
        t = rng.uniform(self.low, self.high, len(label))
        on_each = np.stack([curve(t) for curve in self.curves])
        on_its_own = on_each[label, np.arange(len(label))]
        return on_its_own + self.scale * rng.standard_normal((len(label), 2))

    def _log_density(self, x: np.ndarray) -> np.ndarray:
        t, weights = _quadrature(self.low, self.high, panels=128)
        nodes = np.concatenate([curve(t) for curve in self.curves])
        weights = np.tile(weights, len(self.curves)) / len(self.curves) / (self.high - self.low)
        chunks = np.array_split(x, max(1, len(x) // 1024))  # 1024 points x 2048 nodes: 16 MB
        return np.concatenate([_log_mixture(c, nodes, self.scale, weights) for c in chunks])


@dataclass(frozen=True, eq=False)
class Checkerboard(Toy):
    """Uniform on the 8 dark squares, of side 2, of a 4 x 4 board on [-4, 4]^2: p(x) = 1/32 there.

    A square [2i, 2i+2) x [2j, 2j+2) is dark where i + j is even.
    """

    def _draw(self, rng: np.random.Generator, label: np.ndarray) -> np.ndarray:
        row = rng.integers(-2, 2, len(label))
        column = 2 * rng.integers(2, size=len(label)) - 2 + row % 2
        # Odd multiples of 2^-21: exact in float32, so rounding moves no point out of its square.
        inside = (rng.integers(2**21, size=(len(label), 2)) + 0.5) / 2**20
        return 2 * np.stack([column, row], axis=1) + inside

    def _log_density(self, x: np.ndarray) -> np.ndarray:
        dark = np.floor(x / 2).sum(axis=1) % 2 == 0
        on_board = ((x >= -4) & (x < 4)).all(axis=1)
        return np.where(dark & on_board, -np.log(32.0), -np.inf)


@dataclass(frozen=True, eq=False)
class Pinwheel(Toy):
    """Arms of a Gaussian (u, v) ~ N((1, 0), diag(0.3^2, 0.1^2)), twisted. The label is the arm.

    x = 2 R(2 pi k / 5 + exp(r) / 4) (u, v) where R is a rotation and r = |(u, v)|. In the source
    the twist depends on u instead of r; with r it keeps areas, so the density is exact:
    p(x) = 1/5 sum_k N(R(-angle_k) x/2; (1, 0), diag(0.3^2, 0.1^2)) / 4, with r = |x| / 2.
    """

    radial: float = 0.3
    tangential: float = 0.1
    twist: float = 0.25

    def _angle(self, label: np.ndarray, r: np.ndarray) -> np.ndarray:
        return 2 * np.pi * label / self.parts + self.twist * np.exp(r)

    def _draw(self, rng: np.random.Generator, label: np.ndarray) -> np.ndarray:
        arm = rng.standard_normal((len(label), 2)) * (self.radial, self.tangential) + (1, 0)
        return 2 * _rotate(arm, self._angle(label, np.hypot(*arm.T)))

    def _log_density(self, x: np.ndarray) -> np.ndarray:
        half = x / 2
        with np.errstate(over="ignore"):  # beyond r = 709 exp(r) overflows, where p is 0 anyway
            angle = self._angle(np.arange(self.parts)[:, None], np.hypot(*half.T))
        arm = _rotate(half, -np.where(np.isfinite(angle), angle, 0.0))
        z = (arm - (1, 0)) / (self.radial, self.tangential)
        constant = np.log(self.parts * 2 * np.pi * self.radial * self.tangential * 4)
        return np.logaddexp.reduce(-0.5 * (z**2).sum(axis=-1), axis=0) - constant


def _log_mixture(x: np.ndarray, means: np.ndarray, scale: float, weights: np.ndarray) -> np.ndarray:
    """log sum_k w_k N(x; m_k, s^2 I): x (n, 2), means (k, 2), weights (k,) to (n,)."""
    squared = sum((x[:, None, i] - means[:, i]) ** 2 for i in range(2))
    logits = np.log(weights) - squared / (2 * scale**2)
    highest = logits.max(axis=1)
    total = np.exp(logits - highest[:, None]).sum(axis=1)
    return highest + np.log(total) - np.log(2 * np.pi * scale**2)


def _quadrature(low: float, high: float, panels: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of 8-point Gauss-Legendre rules in equal panels of [low, high]."""
    node, weight = np.polynomial.legendre.leggauss(8)
    width = (high - low) / panels
    starts = low + width * np.arange(panels)
    nodes = starts[:, None] + width * (node + 1) / 2
    return nodes.ravel(), np.tile(weight * width / 2, panels)


def _rotate(x: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Turns points (n, 2) by angles (..., n), anticlockwise: (..., n, 2)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * x[:, 0] - sin * x[:, 1], sin * x[:, 0] + cos * x[:, 1]], axis=-1)
