"""What the figures share: axes in a row, and a way to disk without global state."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image


def subplots(columns: int, rows: int = 1, height: float = 2.4, **options: Any) -> tuple[Figure, Any]:
    """Gives a figure, and its axes as an array."""
    figure = Figure(figsize=(3.0 * columns, height * rows), dpi=100, layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def save(figure: Figure, path: Path) -> Path:
    """Writes a figure as PNG."""
    FigureCanvasAgg(figure).print_png(str(path))
    return path


def to_image(figure: Figure) -> Image.Image:
    """Draws a figure: a frame of an animation."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    return Image.fromarray(pixels).quantize(64)


def save_animation(frames: list[Image.Image], path: Path, seconds: float = 0.15) -> Path:
    """Writes frames as a GIF that starts again after its last frame."""
    milliseconds = round(1000 * seconds)
    durations = [milliseconds] * (len(frames) - 1) + [10 * milliseconds]
    first, *rest = frames
    first.save(path, save_all=True, append_images=rest, duration=durations, loop=0)
    return path
