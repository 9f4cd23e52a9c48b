"""`load`: from the name of a data set to its examples."""

import os
from pathlib import Path

from kgen.data import toys
from kgen.data.checks import check_positive, check_split
from kgen.data.emoji import NAME as EMOJI
from kgen.data.emoji import load_emoji
from kgen.data.folder import load_folder
from kgen.data.idx import SETS, SPLITS, find_idx, load_idx, where_to_put
from kgen.data.npz import load_npz
from kgen.data.spec import Dataset, make_dataset
from kgen.data.stacked import NAME as STACKED
from kgen.data.stacked import check_stacked, stack
from kgen.data.tfds import load_tfds
from kgen.errors import did_you_mean

_TOY_SIZE = 10_000


def names() -> tuple[str, ...]:
    """Gives the name of every data set that has one, images before toys.

    >>> names()[:3]
    ('fashion_mini', 'fashion_mnist', 'mnist')
    """
    return ("fashion_mini", *sorted(SETS), STACKED, EMOJI, *toys.TOYS)


def load(
    name: str | os.PathLike[str],
    split: str = "train",
    size: int | None = None,
    seed: int = 0,
    resolution: int | None = None,
) -> Dataset:
    """Loads a data set as arrays (or, above 1 GiB, lazy ones) with a spec of what they hold.

    name: one of `names()`; `tfds:NAME`, an image set of tensorflow-datasets; or the path (as it is,
    or from `$KGEN_DATA_DIR`) of a folder of images (with subfolders train and test, where it has
    these splits), of an `.npz` file, or of a folder with train.npz and test.npz.
    split: "train", "test", or another that the set has. size: how many examples, evenly spaced;
    of a toy, how many points are drawn (default 10,000), of stacked_mnist, how many images (128,000).
    seed: of what is drawn; other images have none.
    resolution: the side to which images are cropped and resized.

    x is float32: images (n, height, width, channels) in [-1, 1], toys (n, 2). y is int32 (n,) or
    None. Nothing here imports TensorFlow, but preparing a `tfds:` set for the first time may.

    Raises ValueError for an unknown name or split, a corrupt file, images of different sizes
    without `resolution`, a size that is not there; ConnectionError where a set must be fetched and
    cannot; ModuleNotFoundError without tensorflow-datasets.

    >>> data = load("fashion_mini", split="test")
    >>> data.x.shape, data.spec.classes[int(data.y[0])]
    ((2000, 28, 28, 1), 'Ankle boot')
    >>> load("ring8", size=3).x.dtype
    dtype('float32')
    """
    check_positive("size", size)
    check_positive("resolution", resolution)
    name = os.fspath(name)
    if name in toys.TOYS:
        return _load_toy(name, split, size, seed, resolution)
    if name == "fashion_mini":
        return _load_fashion_mini(split, size, resolution)
    if name == EMOJI:
        return load_emoji(split, size, resolution)
    if name == STACKED:
        check_stacked(split, resolution)
        return stack(_load_idx_or_tfds("mnist", split, None, None), size, seed)
    if name in SETS:
        return _load_idx_or_tfds(name, split, size, resolution)
    if name.startswith("tfds:"):
        return load_tfds(name.removeprefix("tfds:"), name, split, size, resolution)
    return _load_path(name, split, size, resolution)


def _load_toy(name: str, split: str, size: int | None, seed: int, resolution: int | None) -> Dataset:
    check_split(name, split, SPLITS)
    if resolution is not None:
        raise ValueError(f"{name!r} holds points, not images: it has no resolution")
    toy = toys.TOYS[name]
    x, y = toy.sample_with_labels(size or _TOY_SIZE, (seed, SPLITS.index(split)))
    classes = tuple(str(k) for k in range(toy.parts)) or None
    return make_dataset(name, split, x, y, classes, None, toy.source, "Apache-2.0 (made by kgen)")


def _load_fashion_mini(split: str, size: int | None, resolution: int | None) -> Dataset:
    check_split("fashion_mini", split, SPLITS)
    path = Path(__file__).parent / "files" / f"fashion_mini-{split}.npz"
    about = SETS["fashion_mnist"]
    return load_npz(
        path, "fashion_mini", split, size, resolution, about.classes, about.source, about.licence
    )


def _load_idx_or_tfds(name: str, split: str, size: int | None, resolution: int | None) -> Dataset:
    check_split(name, split, SPLITS)
    files = find_idx(name, split)
    if files is None:
        return load_tfds(name, name, split, size, resolution, where_to_put(name))
    return load_idx(files, name, split, size, resolution)


def _load_path(name: str, split: str, size: int | None, resolution: int | None) -> Dataset:
    root = os.environ.get("KGEN_DATA_DIR", "")
    path = next((p for p in (Path(name), Path(root) / name) if p.exists()), None)
    if path is not None and path.is_dir():
        files = {file.stem: file for file in path.glob("*.npz")}
        if "train" not in files:
            return load_folder(path, name, split, size, resolution)
        check_split(name, split, files)
        return load_npz(files[split], name, split, size, resolution)
    if path is not None and path.suffix == ".npz":
        check_split(name, split, ["train"], f"a folder with train.npz and {split}.npz has both")
        return load_npz(path, name, split, size, resolution)
    raise ValueError(
        f"unknown data set {name!r}: {did_you_mean(name, names())} "
        "(or tfds:NAME, or the path of a folder of images or of an .npz file)"
    )
