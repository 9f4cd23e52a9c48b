"""What every metric refuses before it counts: NaN, wrong shapes, too few or identical samples."""

import warnings

import numpy as np


def as_vectors(array: np.ndarray, name: str) -> np.ndarray:
    """Gives an array `(n, ...)` as float64 vectors `(n, d)`.

    Raises ValueError, naming the array, where it is empty, has one axis or no numbers, or holds NaN
    or infinite values.

    >>> as_vectors(np.zeros((5, 2, 2, 1), np.float32), "samples").shape
    (5, 4)
    """
    array = np.asarray(array)
    if array.ndim < 2 or array.size == 0 or array.dtype.kind not in "fiu":
        raise ValueError(
            f"expected {name} as numbers of shape (n, ...), n > 0, got {array.dtype} of shape "
            f"{array.shape}"
        )
    vectors = array.reshape(len(array), -1).astype("float64")
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        raise ValueError(
            f"expected finite {name}, got NaN or infinite values in {bad.sum()} of {len(array)} "
            f"(the first is number {int(bad.argmax())})"
        )
    return vectors


def as_pair(samples: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives samples and reference as float64 vectors of one dimension, `(n, d)` and `(m, d)`.

    Raises ValueError as `as_vectors`, and where the shapes of one example differ.
    """
    shapes = np.asarray(samples).shape[1:], np.asarray(reference).shape[1:]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"expected samples like the reference, one of shape {shapes[1]}, got {shapes[0]}: "
            "bring both to one size and number of channels"
        )
    return as_vectors(samples, "samples"), as_vectors(reference, "reference")


def check_size(
    metric: str, n: int, floor: int, recommended: int, what: str = "samples"
) -> tuple[str, ...]:
    """Refuses fewer than `floor`, warns below `recommended`; gives the notes for the card.

    >>> check_size("frechet_distance", 10_000, floor=100, recommended=2000)
    ()
    """
    if n < floor:
        raise ValueError(f"{metric} needs at least {floor} {what}, got {n}: draw more")
    if n >= recommended:
        return ()
    note = f"{n} {what}, fewer than the {recommended} recommended"
    warnings.warn(f"{metric}: {note}; the value is biased or noisy", stacklevel=3)
    return (note,)


def check_varied(vectors: np.ndarray, name: str) -> None:
    """Refuses vectors `(n, d)` that are all the same: no spread can be measured on them."""
    if (vectors == vectors[0]).all():
        raise ValueError(
            f"all {len(vectors)} {name} are identical: a generator that collapsed, or a wrong file"
        )


def check_distinct(samples: np.ndarray, reference: np.ndarray) -> None:
    """Refuses samples that are the reference itself, in the same order: a comparison says nothing."""
    if np.array_equal(samples, reference):
        raise ValueError(
            f"the {len(samples)} samples are the reference examples themselves: was a file given twice?"
        )


def as_labels(labels: np.ndarray, n: int, name: str) -> np.ndarray:
    """Gives the classes of n examples as an integer array `(n,)`.

    Raises ValueError, naming the examples, where the number or the type is another.

    >>> as_labels([0, 1, 1], 3, "samples")
    array([0, 1, 1])
    """
    labels = np.asarray(labels)
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"expected {n} integer labels of the {name}, got {labels.dtype} of shape {labels.shape}"
        )
    return labels
