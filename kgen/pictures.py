"""PNG pictures: grids of images, walks between latents, nearest neighbours, points of the plane.

Images are float (n, height, width, channels) in [-1, 1] with 1, 3 or 4 channels; values outside
are clipped. Every function returns the path that it wrote and changes no global state.
"""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from kgen.metrics.distances import nearest

if TYPE_CHECKING:
    from kgen.core import GenerativeModel
    from kgen.data import LazyArray
    from kgen.vae import VAE

PathLike = str | os.PathLike[str]

_GAP = 2  # white pixels between images


def save_grid(images: np.ndarray, path: PathLike, columns: int | None = None) -> Path:
    """Saves images as one picture, row by row.

    Args:
        images: see above.
        path: ends in .png.
        columns: images in a row; None: as many as make the grid about square.

    Raises ValueError where the images are none of those described above.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> save_grid(np.zeros((6, 4, 4, 1)), f"{folder}/grid.png").name
    'grid.png'
    """
    pixels = _to_pixels(images)
    n, height, width, channels = pixels.shape
    columns = min(n, columns or math.ceil(math.sqrt(n)))
    rows = math.ceil(n / columns)
    step_y, step_x = height + _GAP, width + _GAP
    canvas = np.full((rows * step_y - _GAP, columns * step_x - _GAP, channels), 255, np.uint8)
    for index, image in enumerate(pixels):
        y, x = index // columns * step_y, index % columns * step_x
        canvas[y : y + height, x : x + width] = image
    Image.fromarray(canvas[..., 0] if channels == 1 else canvas).save(path, format="PNG")
    return Path(path)


def save_scatter(points: np.ndarray, path: PathLike, reference: np.ndarray | None = None) -> Path:
    """Saves points of the plane as a scatter plot.

    Args:
        points: (n, 2).
        path: ends in .png.
        reference: (m, 2), shown in grey behind them; it decides what part of the plane is shown.

    Raises ValueError where the points are not (n, 2).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), dpi=100, layout="constrained")
    axes = figure.add_subplot(aspect="equal")
    shown = _check_points(points if reference is None else reference)
    if reference is not None:
        axes.scatter(*shown[:5000].T, s=2, color="0.8", linewidths=0)
    axes.scatter(*_check_points(points).T, s=4, color="C0", alpha=0.6, linewidths=0)
    low, high = shown.min(axis=0), shown.max(axis=0)
    margin = 0.15 * max(*(high - low), 1e-3)
    axes.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin))
    FigureCanvasAgg(figure).print_png(str(path))
    return Path(path)


def save_samples(samples: np.ndarray, path: PathLike, reference: np.ndarray | None = None) -> Path:
    """Saves samples as what they are: images as a grid, points of the plane as a scatter plot.

    Args:
        samples: images as above, or points (n, 2).
        path: ends in .png.
        reference: points (m, 2) to show behind points.

    Raises ValueError for samples of another shape.
    """
    if samples.ndim == 4:
        return save_grid(samples, path)
    return save_scatter(samples, path, reference)


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


def save_neighbours(
    model: "GenerativeModel",
    train_images: "np.ndarray | LazyArray",
    path: PathLike,
    n: int = 8,
    neighbours: int = 5,
    seed: int | None = 0,
) -> Path:
    """Saves samples, one a row, each followed by the training images nearest to it.

    A sample that equals its neighbour was learned by heart. Near means a small Euclidean distance
    between pixels.

    Args:
        model: any that samples images.
        train_images: (m, height, width, channels) in [-1, 1].
        path: ends in .png.
        n: how many samples.
        neighbours: how many training images for each.
        seed: of the samples; None: fresh ones.

    Raises ValueError where the images' shape is not that of the samples.
    """
    samples = model.sample(n, seed=seed)
    if tuple(train_images.shape[1:]) != samples.shape[1:]:
        raise ValueError(
            f"expected training images of shape (m, {', '.join(map(str, samples.shape[1:]))}), like "
            f"the samples, got {tuple(train_images.shape)}"
        )
    numbers, _ = nearest(samples, train_images, min(neighbours, len(train_images)))
    rows = [np.concatenate([s[None], train_images[i]]) for s, i in zip(samples, numbers, strict=True)]
    return save_grid(np.concatenate(rows), path, columns=1 + numbers.shape[1])


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


def _to_pixels(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or not len(images):
        raise ValueError(
            "expected images of shape (n, height, width, channels) with 1, 3 or 4 channels, got "
            f"shape {images.shape}"
        )
    if images.dtype.kind != "f":
        raise ValueError(
            f"expected float images in [-1, 1], got {images.dtype}: divide by 127.5 and subtract 1"
        )
    if not np.isfinite(images).all():
        raise ValueError("expected finite images, got NaN or infinite values")
    return np.clip((images + 1.0) * 127.5 + 0.5, 0, 255).astype(np.uint8)


def _check_points(points: np.ndarray) -> np.ndarray:
    points = np.asarray(points)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"expected points of shape (n, 2), got shape {points.shape}")
    return points


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
