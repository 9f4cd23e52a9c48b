"""Samples beside the training images nearest to them."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kgen.metrics.distances import nearest
from kgen.pictures.grids import PathLike, save_grid

if TYPE_CHECKING:
    from kgen.core import GenerativeModel
    from kgen.data import LazyArray


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
