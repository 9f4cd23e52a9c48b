"""Pictures of points on their way between data and noise, and of images with holes."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import numpy as np

from kgen.pictures.grids import save_grid


def save_paths(
    rows: Mapping[str, np.ndarray], path: str | PathLike[str], columns: int = 6, lines: int = 40
) -> Path:
    """Saves, for each named set of paths, a row of their points at even times and one of the lines.

    Args:
        rows: a title to float paths `(n, steps, 2)`.
        path: ends in .png.
        columns: pictures of points in a row; the last picture of the row shows whole paths.
        lines: how many paths to draw.

    Raises ValueError for paths of another shape.

    >>> import tempfile
    >>> paths = np.random.default_rng(0).normal(size=(50, 8, 2))
    >>> save_paths({"a walk": paths}, Path(tempfile.mkdtemp()) / "paths.png").name
    'paths.png'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    for title, paths in rows.items():
        if paths.ndim != 3 or paths.shape[-1] != 2:
            raise ValueError(f"expected paths {title!r} of shape (n, steps, 2), got {paths.shape}")
    size = (columns + 1, len(rows))
    figure = Figure(figsize=(1.6 * size[0], 1.7 * size[1]), dpi=100, layout="constrained")
    grid = figure.subplots(size[1], size[0], squeeze=False)
    for axes, (title, paths) in zip(grid, rows.items(), strict=True):
        shown = np.linspace(0, paths.shape[1] - 1, columns).round().astype(int)
        for panel, step in zip(axes[:-1], shown, strict=True):
            panel.scatter(*paths[:, step].T, s=1, color="C0", alpha=0.5, linewidths=0)
        for one in paths[:lines]:
            axes[-1].plot(*one.T, color="0.4", linewidth=0.5)
        axes[-1].scatter(*paths[:lines, -1].T, s=4, color="C1", zorder=2)
        axes[0].set_title(title, fontsize=8, loc="left")
        for panel in axes:
            panel.set(aspect="equal", xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[])
    FigureCanvasAgg(figure).print_png(str(path))
    return Path(path)


def save_inpainting(
    images: np.ndarray, mask: np.ndarray, filled: np.ndarray, path: str | PathLike[str]
) -> Path:
    """Saves three rows: images, the same with their holes in grey, and what `inpaint` made of these.

    Args:
        images: float `(n, height, width, channels)` in [-1, 1].
        mask: bool or 0 and 1, broadcastable to the images; 1: known.
        filled: like images.
        path: ends in .png.

    Raises ValueError where these are no images, or `filled` is not of their shape.

    >>> import tempfile
    >>> images, mask = np.zeros((2, 4, 4, 1)), np.eye(4)[..., None]
    >>> save_inpainting(images, mask, images, Path(tempfile.mkdtemp()) / "holes.png").name
    'holes.png'
    """
    holes = np.where(np.asarray(mask) > 0, images, 0.0)
    return save_grid(np.concatenate([images, holes, filled]), path, columns=len(images))
