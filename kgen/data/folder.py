"""A folder of images: PNG, JPEG, ... ; its subfolders are the classes."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kgen.data.checks import check_split, spread
from kgen.data.images import RANGE, decode, resize, to_float
from kgen.data.lazy import LazyArray
from kgen.data.spec import Dataset, make_dataset

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


def load_folder(
    folder: Path, name: str, split: str, size: int | None = None, resolution: int | None = None
) -> Dataset:
    """Reads the images of a folder, in the order of their paths.

    With a subfolder called as the split (`train`, `test`), that one is read; else everything is
    the split "train". The subfolders of what is read are the classes, in alphabetical order; images
    directly in it are without labels. Grey where all images are; else RGB, on white.
    Raises ValueError for an unknown split, no images, images of different sizes without
    `resolution`, images both inside and outside of class folders, unreadable files.
    """
    root = _root_of_split(folder, name, split)
    paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in EXTENSIONS)
    if not paths:
        raise ValueError(f"{root}: no images in this folder; looked for {', '.join(EXTENSIONS)}")
    labels, classes = _labels(root, paths)
    chosen = spread(name, len(paths), size)
    x = _images([paths[i] for i in chosen], resolution).in_memory_if_small()
    y = None if labels is None else labels[chosen]
    return make_dataset(name, split, x, y, classes, RANGE, str(folder), "see the source")


def _root_of_split(folder: Path, name: str, split: str) -> Path:
    splits = [s for s in ("train", "validation", "test") if (folder / s).is_dir()]
    check_split(name, split, splits or ["train"], f"the subfolder {split} of images would be one")
    return folder / split if splits else folder


def _labels(root: Path, paths: list[Path]) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    names = [p.relative_to(root).parts[0] if p.parent != root else None for p in paths]
    if all(n is None for n in names):
        return None, None
    if None in names:
        stray = paths[names.index(None)]
        raise ValueError(f"{stray}: outside of the class folders: move it into one of them")
    classes = sorted(set(names))
    number = {n: k for k, n in enumerate(classes)}
    return np.array([number[n] for n in names], np.int32), tuple(classes)


def _images(paths: list[Path], resolution: int | None) -> LazyArray:
    """Checks the headers of the files (not their pixels), and gives them as one lazy array."""
    sizes, modes = zip(*(_header(path) for path in paths), strict=True)
    odd = next((i for i, s in enumerate(sizes) if s != sizes[0]), None)
    if odd is not None and resolution is None:
        raise ValueError(
            f"images of different sizes: {paths[0]} is {sizes[0][0]}x{sizes[0][1]}, {paths[odd]} "
            f"is {sizes[odd][0]}x{sizes[odd][1]}: pass resolution=, the side to resize them to"
        )
    channels = 1 if set(modes) <= {"1", "L", "LA"} else 3
    width, height = (resolution, resolution) if resolution else sizes[0]

    def read(numbers: list[int]) -> Iterable[np.ndarray]:
        return (to_float(resize(decode(paths[i], channels), resolution)) for i in numbers)

    return LazyArray(read, (len(paths), height, width, channels), np.float32)


def _header(path: Path) -> tuple[tuple[int, int], str]:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.size, image.mode
    except OSError as error:
        raise ValueError(f"{path}: not an image that can be read ({error})") from error
