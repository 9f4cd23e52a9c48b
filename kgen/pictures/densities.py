"""Pictures of densities on the plane, and of samples from them."""

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path

import numpy as np

LogDensity = Callable[[np.ndarray], np.ndarray]


def density_image(log_prob: LogDensity, reach: float = 4.0, size: int = 100) -> np.ndarray:
    """Evaluates a density on a square grid around 0: float64 `(size, size)`, the first row lowest.

    Args:
        log_prob: points, float32 `(n, 2)`, to log-densities `(n,)`.
        reach: the square is [-reach, reach]^2.
        size: points on a side.

    >>> float(density_image(lambda x: np.zeros(len(x)), size=4)[0, 0])
    1.0
    """
    axis = np.linspace(-reach, reach, size, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return np.exp(np.asarray(log_prob(grid), "float64")).reshape(size, size)


def save_densities(
    rows: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]],
    path: str | PathLike[str],
    reach: float = 4.0,
) -> Path:
    """Saves a table of pictures: densities, brighter where higher, with samples as dots.

    Args:
        rows: titles of rows to titles of columns to (`density_image`, samples `(n, 2)`).
        path: ends in .png.
        reach: as given to `density_image`.

    >>> import tempfile
    >>> picture = (np.eye(8), np.zeros((3, 2)))
    >>> save_densities({"ring8": {"MAF": picture}}, Path(tempfile.mkdtemp()) / "flows.png").name
    'flows.png'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = list(next(iter(rows.values())))
    size = (1.5 * len(columns), 1.55 * len(rows))
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    axes = figure.subplots(len(rows), len(columns), squeeze=False)
    for line, (row, pictures) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(row, fontsize=8)
        for panel, title in zip(line, columns, strict=True):
            density, samples = pictures[title]
            extent = (-reach, reach, -reach, reach)
            # the square root shows the faint parts too
            panel.imshow(np.sqrt(density), origin="lower", extent=extent, cmap="viridis")
            panel.scatter(*samples.T, s=0.3, color="white", alpha=0.4, linewidths=0)
            panel.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
    for panel, title in zip(axes[0], columns, strict=True):
        panel.set_title(title, fontsize=8)
    FigureCanvasAgg(figure).print_png(str(path))
    return Path(path)
