"""Grids of images and scatter plots of points.

Images are float (n, height, width, channels) in [-1, 1] with 1, 3 or 4 channels; values outside
are clipped.
"""

import math
import os
from pathlib import Path

import numpy as np
from PIL import Image

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
