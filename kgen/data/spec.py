"""What `kgen.data.load` returns: the examples, their labels, and a spec of both."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kgen.data.checks import check_finite
from kgen.data.lazy import LazyArray

if TYPE_CHECKING:
    from kgen.data.batches import Batches


@dataclass(frozen=True)
class DataSpec:
    """Says what a data set holds; `dataclasses.asdict` of it can be written as JSON."""

    name: str
    split: str
    shape: tuple[int, ...]  # of one example, without the batch: (28, 28, 1), (2,)
    size: int  # number of examples
    classes: tuple[str, ...] | None  # the name of label 0, 1, ...; None without labels
    range: tuple[float, float] | None  # the values that x may take; None: unbounded
    source: str  # a paper, a web page or a path
    licence: str
    sha256: str | None  # of the bytes of x; None where x is lazy


@dataclass(frozen=True, eq=False)
class Dataset:
    """Holds the examples x, the labels y and the spec of a data set.

    x: float32 (n, height, width, channels) in [-1, 1] for images, (n, 2) for toys; a `LazyArray`
    of them where they would take more than 1 GiB. y: int32 (n,), lazy where x is; None: no labels.

    >>> from kgen.data import load
    >>> data = load("moons", size=100)
    >>> data.x.shape, data.y.shape, data.spec.classes
    ((100, 2), (100,), ('0', '1'))
    """

    x: np.ndarray | LazyArray
    y: np.ndarray | LazyArray | None
    spec: DataSpec

    def __len__(self) -> int:
        """The number of examples."""
        return len(self.x)

    def batches(
        self,
        batch_size: int = 128,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        labels: bool = False,
    ) -> "Batches":
        """Gives the `Batches` that `model.fit` takes: (x,), or (x, y) with `labels=True`.

        Raises ValueError where labels are asked for and there are none; else see `Batches`.

        >>> from kgen.data import load
        >>> len(load("ring8", size=100).batches(32))
        4
        """
        from kgen.data.batches import Batches

        if labels and self.y is None:
            raise ValueError(
                f"data set {self.spec.name!r} has no labels: take one with classes, or labels=False"
            )
        return Batches(self.x, self.y if labels else None, batch_size, seed, shuffle, drop_last)


def make_dataset(
    name: str,
    split: str,
    x: np.ndarray | LazyArray,
    y: np.ndarray | LazyArray | None,
    classes: tuple[str, ...] | None,
    range: tuple[float, float] | None,
    source: str,
    licence: str,
) -> Dataset:
    """Joins examples and labels with the spec that describes them.

    x: float32 (n, ...). y: integers (n,) from 0, or None. Labels without class names are named by
    their numbers. Raises ValueError for NaN in x, and for labels that do not fit x or `classes`.

    >>> x = np.zeros((3, 2), np.float32)
    >>> make_dataset("zeros", "train", x, None, None, None, "none", "none").spec.shape
    (2,)
    """
    if isinstance(x, np.ndarray):
        check_finite(name, x)
    if isinstance(y, np.ndarray):
        y, classes = check_labels(name, len(x), y, classes)
    spec = DataSpec(
        name=name,
        split=split,
        shape=tuple(x.shape[1:]),
        size=len(x),
        classes=classes,
        range=range,
        source=source,
        licence=licence,
        sha256=_digest(x),
    )
    return Dataset(x, y, spec)


def check_labels(
    name: str, size: int, y: np.ndarray, classes: tuple[str, ...] | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Gives the labels as int32 (n,), and the classes: their names, or else their numbers.

    Raises ValueError for labels that are not `size` integers, one for each example, in
    0..len(classes)-1.

    >>> check_labels("pets", 2, np.array([1, 0]), None)
    (array([1, 0], dtype=int32), ('0', '1'))
    """
    if y.dtype.kind not in "iu" or y.shape != (size,):
        raise ValueError(
            f"{name}: labels must be integers of shape ({size},), got {y.dtype} of shape {y.shape}"
        )
    if classes is None:
        classes = tuple(str(k) for k in range(int(y.max()) + 1))
    if y.min() < 0 or y.max() >= len(classes):
        raise ValueError(f"{name}: labels must be in 0..{len(classes) - 1}, got {y.min()}..{y.max()}")
    return y.astype(np.int32), classes


def _digest(x: np.ndarray | LazyArray) -> str | None:
    if not isinstance(x, np.ndarray):
        return None
    return hashlib.sha256(np.ascontiguousarray(x)).hexdigest()
