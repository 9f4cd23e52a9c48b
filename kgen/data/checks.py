"""Checks shared by every loader; their messages say what was wrong and what to do."""

from collections.abc import Iterable

import numpy as np

from kgen.errors import did_you_mean


def check_split(name: str, split: str, splits: Iterable[str], fix: str = "") -> None:
    """Raises ValueError where the data set `name` has no such `split`; `fix` says how it gets one.

    >>> check_split("mnist", "train", ["train", "test"])
    """
    splits = list(splits)
    if split not in splits:
        hint = did_you_mean(split, splits) + (fix and f"; {fix}")
        raise ValueError(f"data set {name!r} has no split {split!r}: {hint}")


def check_positive(what: str, value: int | None) -> None:
    """Raises ValueError where a count is given and is not an integer of at least 1.

    >>> check_positive("size", None)
    >>> check_positive("size", 5)
    """
    if value is not None and (not isinstance(value, int | np.integer) or value < 1):
        raise ValueError(f"{what} must be an integer of at least 1, got {value!r}")


def check_finite(where: str, x: np.ndarray) -> None:
    """Raises ValueError where the array holds a NaN or an infinity, and says at which index.

    >>> check_finite("points", np.zeros((2, 2)))
    """
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        raise ValueError(f"{where}: NaN or infinity at index {index}: remove such examples")


def spread(name: str, available: int, size: int | None) -> np.ndarray:
    """Gives the indices of `size` examples, evenly spaced among the available ones (None: all).

    Evenly spaced, not the first: files sorted by class keep every class.
    Returns int64 of shape (size,). Raises ValueError for an empty data set, or fewer than `size`.

    >>> spread("mnist", 10, 4).tolist()
    [0, 2, 5, 7]
    """
    if available == 0:
        raise ValueError(f"data set {name!r} is empty")
    check_positive("size", size)
    if size is None:
        size = available
    if size > available:
        raise ValueError(f"data set {name!r} has {available} examples, fewer than size={size}")
    return np.arange(size) * available // size
