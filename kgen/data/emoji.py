"""Colour emoji of 32x32 pixels: all where `$KGEN_DATA_DIR/emoji32.npz` is, else the few embedded."""

import os
from pathlib import Path

import numpy as np

from kgen.data.checks import check_split, spread
from kgen.data.idx import SPLITS
from kgen.data.images import RANGE, prepare
from kgen.data.npz import load_npz, read_npz
from kgen.data.spec import Dataset, check_labels, make_dataset

NAME = "emoji32"
SOURCE = "Google Noto Emoji (https://github.com/googlefonts/noto-emoji)"
LICENCE = "Apache-2.0 (Google)"
_EVERY = 8  # one in so many images is for the test


def load_emoji(split: str, size: int | None = None, resolution: int | None = None) -> Dataset:
    """Loads a split of the emoji, on white: x float32 `(n, 32, 32, 3)` in [-1, 1], y the category.

    The file holds 1,906 emoji, of which each eighth is for the test. The package has one in four of
    them without the flags, 358 and 51, in the same splits; `spec.source` says which these are. Man and
    woman of one emoji may be on both sides of the split.

    Raises ValueError for an unknown split, a size that is not there, and a file of something else.

    >>> data = load_emoji("test", size=20)
    >>> data.x.shape, len(data.spec.classes)
    ((20, 32, 32, 3), 9)
    """
    check_split(NAME, split, SPLITS)
    root = os.environ.get("KGEN_DATA_DIR")
    if root and (Path(root) / f"{NAME}.npz").is_file():
        return _load_all(Path(root) / f"{NAME}.npz", split, size, resolution)
    embedded = Path(__file__).parent / "files" / f"{NAME}-{split}.npz"
    source = f"{SOURCE}, the part inside kgen"
    return load_npz(embedded, NAME, split, size, resolution, None, source, LICENCE)


def of_split(total: int, split: str) -> np.ndarray:
    """Gives the numbers of a split's images among `total` of them: each eighth is for the test.

    >>> of_split(17, "test").tolist()
    [7, 15]
    """
    test = np.arange(total) % _EVERY == _EVERY - 1
    return np.flatnonzero(test if split == "test" else ~test)


def _load_all(path: Path, split: str, size: int | None, resolution: int | None) -> Dataset:
    images, labels, classes = read_npz(path)
    if images.shape[1:] != (32, 32, 3) or labels is None:
        raise ValueError(
            f"{path}: expected images of shape (n, 32, 32, 3) with labels, got {images.shape}: put "
            "the file of the emoji there, or load this one by its path"
        )
    labels, classes = check_labels(str(path), len(images), labels, classes)
    chosen = of_split(len(images), split)
    chosen = chosen[spread(NAME, len(chosen), size)]
    x = prepare(str(path), images[chosen], resolution)
    return make_dataset(NAME, split, x, labels[chosen], classes, RANGE, SOURCE, LICENCE)
