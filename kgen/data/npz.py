"""Images in an `.npz` file: arrays `images`, and where there are any `labels` and `categories`."""

import zipfile
from pathlib import Path

import numpy as np

from kgen.data.checks import spread
from kgen.data.images import RANGE, prepare
from kgen.data.spec import Dataset, check_labels, make_dataset


def load_npz(
    path: Path,
    name: str,
    split: str,
    size: int | None = None,
    resolution: int | None = None,
    classes: tuple[str, ...] | None = None,
    source: str | None = None,
    licence: str = "see the source",
) -> Dataset:
    """Reads an `.npz` of images; pickled objects are refused.

    Arrays: `images` uint8 or float in [-1, 1], (n, height, width) or (n, height, width, 1 or 3);
    optional `labels`, integers (n,); optional `categories`, the labels' names.
    Raises ValueError for a file without `images`, or whose arrays are not as above.

    >>> import io
    >>> file = io.BytesIO()
    >>> np.savez(file, images=np.zeros((3, 8, 8), np.uint8))
    >>> _ = file.seek(0)
    >>> load_npz(file, "black", "train").x.shape
    (3, 8, 8, 1)
    """
    images, labels, categories = read_npz(path)
    chosen = spread(name, len(images), size)
    classes = classes or categories
    if labels is not None:
        labels, classes = check_labels(str(path), len(images), labels, classes)
    if size is not None:
        images, labels = images[chosen], None if labels is None else labels[chosen]
    x = prepare(str(path), images, resolution)
    source = source or str(path)
    return make_dataset(name, split, x, labels, classes, RANGE, source, licence)


def read_npz(path: Path) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...] | None]:
    """Reads the arrays (images, labels or None, categories or None) of an `.npz` as they are."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if "images" not in file:
                raise ValueError(f"no array 'images'; its arrays are: {', '.join(file.files)}")
            labels = file.get("labels")
            names = file["categories"].tolist() if "categories" in file else None
            return file["images"], labels, None if names is None else tuple(map(str, names))
    except (ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: {error}") from error
