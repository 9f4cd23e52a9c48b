"""MNIST and Fashion-MNIST from their original idx files on this machine, checked by md5."""

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kgen.data.checks import spread
from kgen.data.images import RANGE, prepare
from kgen.data.spec import Dataset, make_dataset

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
SPLITS = ("train", "test")
_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@dataclass(frozen=True)
class IdxSet:
    """Describes a data set of four idx files."""

    classes: tuple[str, ...]
    source: str
    licence: str
    md5: dict[str, str]  # file -> md5 of its uncompressed bytes


SETS = {
    "mnist": IdxSet(
        classes=tuple("0123456789"),
        source="LeCun, Cortes, Burges: The MNIST database of handwritten digits, 1998",
        licence="as published by Y. LeCun, C. Cortes and C. Burges",
        md5={
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    ),
    "fashion_mnist": IdxSet(
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        source="https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT, Copyright (c) 2017 Zalando SE, https://tech.zalando.com",
        md5={
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
    ),
}


def find_idx(name: str, split: str) -> list[Path] | None:
    """Finds the two files of a split, images and labels, raw or gzipped; None: not on this machine.

    Looks into `$KGEN_DATA_DIR/NAME`, then, for Fashion-MNIST, where Debian's package
    `dataset-fashion-mnist` puts them.
    """
    root = os.environ.get("KGEN_DATA_DIR")
    folders = [Path(root) / name] if root else []
    if name == "fashion_mnist":
        folders.append(DEBIAN)
    for folder in folders:
        candidates = [(folder / f, folder / f"{f}.gz") for f in _FILES[split]]
        found = [next((p for p in pair if p.is_file()), None) for pair in candidates]
        if None not in found:
            return found
    return None


def where_to_put(name: str) -> str:
    """Says what a person without a network can do to have the data set."""
    files = ", ".join(f"{f}.gz" for pair in _FILES.values() for f in pair)
    debian = ", or: apt install dataset-fashion-mnist" if name == "fashion_mnist" else ""
    return f"put {files} into $KGEN_DATA_DIR/{name}{debian}; 'fashion_mini' needs no network"


def load_idx(
    files: list[Path], name: str, split: str, size: int | None, resolution: int | None
) -> Dataset:
    """Reads a split from its two idx files: x float32 (n, 28, 28, 1) in [-1, 1], y int32 (n,).

    Raises ValueError for a file whose uncompressed bytes have not the published md5.
    """
    about = SETS[name]
    images, labels = (read_idx(path, about.md5[path.name.removesuffix(".gz")]) for path in files)
    chosen = spread(name, len(images), size)
    x = prepare(name, images[chosen], resolution)
    return make_dataset(
        name, split, x, labels[chosen], about.classes, RANGE, about.source, about.licence
    )


def read_idx(path: Path, md5: str) -> np.ndarray:
    """Reads an idx file of bytes, raw or gzipped: uint8, of the shape in its header.

    The format: two zero bytes, 8 (for uint8), the number of axes, each axis as a big-endian 32-bit
    integer, the bytes. Raises ValueError where `md5` is not that of the uncompressed bytes.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"{path}: corrupt ({error}); expected gzipped bytes of md5 {md5}: fetch the file again"
        ) from error
    found = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if found != md5:
        raise ValueError(
            f"{path}: corrupt; expected md5 {md5} (uncompressed), found {found}: fetch the file again"
        )
    axes = raw[3]
    shape = np.frombuffer(raw, ">i4", count=axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)
