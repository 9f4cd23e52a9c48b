"""What lies between two latents, and what an autoencoder makes of examples."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kgen.pictures.grids import PathLike, save_grid

if TYPE_CHECKING:
    from kgen.core import GenerativeModel
    from kgen.vae import VAE


def save_interpolation(
    model: "GenerativeModel", path: PathLike, steps: int = 10, rows: int = 8, seed: int | None = 0
) -> Path:
    """Saves walks between pairs of latents, one walk a row: where neighbours look alike and the
    middle is no worse than the ends, the model has learned more than its training images.

    Under a normal prior the walk is spherical: a straight one would pass through latents much
    shorter than any that the model has seen. Under others it is straight.

    Args:
        model: with a `prior` and `decode`: a `VAE`, a `GAN`, a `Flow`, on images. Where it takes
            labels, row i is of the class i % classes.
        path: ends in .png.
        steps: images in a row, its two ends included, at least 2.
        rows: how many walks.
        seed: of the ends; None: fresh ones.

    Source: "Sampling Generative Networks" (White, 2016), section 2.1.
    """
    if steps < 2:
        raise ValueError(f"expected steps >= 2, got {steps}")
    ends = _latents(model, 2 * rows, seed)
    walk = _spherical if _is_standard_normal(model.prior) else _straight
    fractions = np.linspace(0.0, 1.0, steps)
    latents = [walk(a, b, t) for a, b in zip(ends[:rows], ends[rows:], strict=True) for t in fractions]
    labels = _labels(model, np.repeat(np.arange(rows), steps))
    return save_grid(model.decode(np.stack(latents).astype("float32"), *labels), path, columns=steps)


def save_reconstructions(model: "VAE", x: np.ndarray, path: PathLike, columns: int = 10) -> Path:
    """Saves examples, and below each row of them the row of their reconstructions.

    Args:
        model: with `reconstruct`.
        x: images, at least one; the last row is left out where it is not full.
        path: ends in .png.
        columns: examples in a row.
    """
    columns = min(columns, len(x))
    x = x[: len(x) // columns * columns]
    pairs = np.stack([x, model.reconstruct(x)])  # (2, n, ...)
    pairs = pairs.reshape(2, -1, columns, *x.shape[1:]).swapaxes(0, 1)
    return save_grid(pairs.reshape(-1, *x.shape[1:]), path, columns)


def _labels(model: "GenerativeModel", rows: np.ndarray) -> list[np.ndarray]:
    """The labels that `decode` takes besides latents: a class a row, or nothing."""
    if "labels" not in model.sample_conditions.names:
        return []
    return [(rows % model.classes).astype("int32")]


def _latents(model: "GenerativeModel", n: int, seed: int | None) -> np.ndarray:
    from keras import ops

    import kgen.random

    return ops.convert_to_numpy(model.prior.sample(kgen.random.keys(seed, n)))


def _is_standard_normal(prior: Any) -> bool:
    from kgen.distributions import StandardNormal

    return isinstance(prior, StandardNormal)


def _straight(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    return (1.0 - t) * a + t * b


def _spherical(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """Turns from a to b on a great circle: sin((1-t)w)/sin(w) a + sin(tw)/sin(w) b."""
    cosine = (a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b))
    angle = math.acos(float(np.clip(cosine, -1.0, 1.0)))
    if math.sin(angle) < 1e-4:  # one direction, or opposite ones: no circle, or no single one
        return _straight(a, b, t)
    return (math.sin((1.0 - t) * angle) * a + math.sin(t * angle) * b) / math.sin(angle)
