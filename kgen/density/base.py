"""What every classical density does: `fit`, `log_prob`, `sample`, `bits_per_dim`, `save`."""

import dataclasses
import json
import math
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from kgen.data.checks import check_finite, check_positive

Seed = int | None


class Bound(NamedTuple):
    """A bound on -log p(x) of discrete values."""

    total: np.ndarray
    """Nats, (n,)."""


class Density(ABC):
    """A density of examples of any shape, fitted to arrays.

    A subclass is a dataclass whose fields are its options, and turns vectors into arrays and back.

    Attributes:
        fitted: what was learned, arrays by name; empty before `fit`.
        data_shape: of one example; None before `fit`.
    """

    log_prob_estimate = "exact"
    """What `log_prob` is, for the cards of `kgen.metrics`."""
    range_width = 2.0
    """Of images, `log_prob` is that of a density on [-1, 1]."""
    data_shape: tuple[int, ...] | None = None
    fitted: dict[str, np.ndarray] = {}  # noqa: RUF012 - replaced by `fit`, never changed

    @abstractmethod
    def _fit(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        """Learns from float64 vectors (n, d)."""

    @abstractmethod
    def _log_prob(self, vectors: np.ndarray) -> np.ndarray:
        """Gives log p of float64 vectors (n, d): nats (n,)."""

    @abstractmethod
    def _sample(self, n: int, seed: Seed) -> np.ndarray:
        """Draws vectors (n, d)."""

    def fit(self, x: np.ndarray) -> Self:
        """Learns the density of examples, forgetting those of an earlier call; gives itself.

        Args:
            x: float (n, ...): points (n, d), or images (n, h, w, c) in [-1, 1], whose levels
                `dequantise` must have spread.

        Raises ValueError for integers, one axis, NaN, and too few examples.
        """
        x = _as_floats("fit", x)
        self.fitted = self._fit(_vectors(x))
        self.data_shape = x.shape[1:]
        return self

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Gives log p(x) in nats: float64 (n,); -inf where the density is 0.

        Raises RuntimeError before `fit`; ValueError for integers, NaN, and examples of another shape
        than those of `fit`.
        """
        self._check_fitted("log_prob")
        x = _as_floats("log_prob", x)
        if x.shape[1:] != self.data_shape:
            wanted = ", ".join(map(str, self.data_shape))
            raise ValueError(f"log_prob: expected examples as in fit, (n, {wanted}), got {x.shape}")
        return self._log_prob(_vectors(x))

    def sample(self, n: int, seed: Seed = None) -> np.ndarray:
        """Draws n examples: float32 (n, ...). Images are clipped to [-1, 1].

        The same seed gives the same examples; None, fresh ones. Raises RuntimeError before `fit`,
        ValueError for n < 1.
        """
        self._check_fitted("sample")
        check_positive("n", n)
        x = self._sample(n, seed).astype("float32").reshape(n, *self.data_shape)
        return x.clip(-1.0, 1.0) if len(self.data_shape) == 3 else x

    def bound(self, x: np.ndarray, levels: int = 256, seed: Seed = 0) -> Bound:
        """Bounds -log P(x) of images of so many levels, by one draw of the noise of `dequantise`.

            -log P(x) = -log E_u[p(x + u)] - D log(width) <= -E_u[log p(x + u)] - D log(width)

        Args:
            x: images (n, h, w, c) in [-1, 1], not dequantised.
            levels: how many values a pixel may take.
            seed: of the noise.

        Raises as `log_prob` and `dequantise`.

        Source: "A note on the evaluation of generative models" (Theis et al., 2016), section 3.1.
        """
        dims = math.prod(np.shape(x)[1:])
        log_density = self.log_prob(dequantise(x, levels, seed))
        return Bound(-log_density - dims * math.log(_width(levels)))

    def bits_per_dim(self, x: np.ndarray, levels: int = 256, seed: Seed = 0) -> np.ndarray:
        """Gives `bound` in bits per dimension: float64 (n,); lower is better."""
        dims = math.prod(np.shape(x)[1:])
        return self.bound(x, levels, seed).total / (dims * math.log(2.0))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the options and what was learned as an `.npz` without pickles; gives its path.

        `kgen.density.load` reads it. Raises RuntimeError before `fit`.
        """
        self._check_fitted("save")
        path = Path(path).with_suffix(".npz")
        config = {
            "kind": type(self).__name__,
            "options": dataclasses.asdict(self),
            "data_shape": self.data_shape,
        }
        np.savez(path, config=np.array(json.dumps(config)), **self.fitted)
        return path

    def _check_fitted(self, call: str) -> None:
        if self.data_shape is None:
            raise RuntimeError(f"{call}: {type(self).__name__} is not fitted: call fit(x) first")


def dequantise(x: np.ndarray, levels: int = 256, seed: Seed = None) -> np.ndarray:
    """Spreads each value of images evenly over its level: x + (u - 1/2) 2 / (levels - 1).

    A density of values that are few and discrete can grow without bound; of these it cannot.

    Args:
        x: float images (n, h, w, c), of `levels` even values in [-1, 1].
        levels: how many values a pixel may take.
        seed: of the noise u, uniform in [0, 1); None: fresh noise.

    Returns:
        float32, the shape of x; half a level may lie outside of [-1, 1].

    Raises ValueError for integers, points, NaN, fewer than 2 levels, and values that are no level.

    Source: "RNADE: The real-valued neural autoregressive density-estimator" (Uria et al., 2013),
    section 5.2.

    >>> spread = dequantise(np.ones((1, 4, 4, 1), "float32"), seed=0)
    >>> bool(abs(spread - 1).max() <= 1 / 255), spread.shape
    (True, (1, 4, 4, 1))
    """
    x = _as_floats("dequantise", x)
    if x.ndim != 4 or levels < 2:
        raise ValueError(
            f"dequantise: expected images (n, h, w, c) and levels >= 2, got {x.shape} and {levels}"
        )
    width = _width(levels)
    level = (x.astype("float64") + 1.0) / width
    off = np.abs(level - np.clip(np.rint(level), 0, levels - 1)).max()
    if off > 0.01:
        raise ValueError(
            f"dequantise: expected {levels} even values in [-1, 1], got one that is {off:.2g} levels "
            "away from any: is the noise added twice, or were the images resized?"
        )
    u = np.random.default_rng(seed).random(x.shape)
    return (x + (u - 0.5) * width).astype("float32")


def _width(levels: int) -> float:
    """Of one level of so many in [-1, 1]."""
    return 2.0 / (levels - 1)


def _as_floats(call: str, x: np.ndarray) -> np.ndarray:
    """Checked examples, float32 as everywhere in kgen."""
    x = np.asarray(x)
    if x.dtype.kind != "f":
        raise ValueError(
            f"{call}: expected float examples, got {x.dtype}: scale bytes as x / 127.5 - 1, or cast "
            'points, x.astype("float32")'
        )
    if x.ndim < 2 or x.size == 0:
        raise ValueError(
            f"{call}: expected examples (n, ...), n > 0, got {x.shape}: numbers as x[:, None]"
        )
    with np.errstate(over="ignore"):  # what is too large becomes an infinity, and is refused
        x = x.astype("float32")
    check_finite(call, x)
    if x.ndim == 4 and np.abs(x).max() > 2.0:
        raise ValueError(
            f"{call}: expected images in [-1, 1], got values in [{x.min():.4g}, {x.max():.4g}]: scale "
            "bytes as x / 127.5 - 1"
        )
    return x


def _vectors(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1).astype("float64")
