"""Euclidean distances and nearest neighbours, in blocks, so that nothing large is whole in memory."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from kgen.metrics.checks import as_vectors

if TYPE_CHECKING:
    from kgen.data import LazyArray

_READ = 4096  # reference examples read at a time
_ROWS = 1024  # points compared at a time: 1024 x 4096 distances take 32 MiB
_BLOCK = 512  # rows of a matrix of all distances computed at a time


def blocks(n: int) -> Iterator[slice]:
    """Cuts n rows into slices of at most 512: what bounds the memory of an n x m matrix.

    >>> [s.stop for s in blocks(1100)]
    [512, 1024, 1100]
    """
    return (slice(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK))


def squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gives the squared Euclidean distances `(n, m)` between vectors `(n, d)` and `(m, d)`.

    Float64 vectors with a mean far from zero lose digits: centre them first.

    >>> squared_distances(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[25.,  0.]])
    """
    # |x - y|² = |x|² + |y|² - 2 x·y, built in place: the matrix is the memory that counts.
    squares = x @ y.T
    squares *= -2
    squares += (x**2).sum(axis=1)[:, None]
    squares += (y**2).sum(axis=1)
    return np.maximum(squares, 0.0, out=squares)


def nearest(
    points: np.ndarray, reference: "np.ndarray | LazyArray", k: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the k examples of the reference nearest to each point.

    Args:
        points: (n, ...), flattened.
        reference: (m, ...), an array or a `LazyArray`, of which each block is read once.
        k: how many, at most m.

    Returns:
        Their numbers in the reference, int64 (n, k), and their Euclidean distances, float64 (n, k);
        the nearest first. The distance to an equal example is exactly 0.

    Raises:
        ValueError: where the shapes of one example differ, k is not in 1..m, or values are NaN.

    >>> nearest(np.array([[0.9], [3.2]]), np.array([[0.0], [1.0], [3.0]]), k=2)[0].tolist()
    [[1, 0], [2, 1]]
    """
    if np.shape(points)[1:] != tuple(reference.shape[1:]):
        raise ValueError(
            f"expected points like the reference, one of shape {tuple(reference.shape[1:])}, got "
            f"{np.shape(points)[1:]}: bring both to one size and number of channels"
        )
    if not 1 <= k <= len(reference):
        raise ValueError(f"expected 1 <= k <= {len(reference)}, the size of the reference, got {k}")
    points = as_vectors(points, "points")
    number = np.zeros((len(points), 0), "int64")
    squared = np.zeros((len(points), 0))
    for start in range(0, len(reference), _READ):
        number, squared = _merge(number, squared, points, _read(reference, start), start, k)
    return _exact(points, reference, number)


def _read(reference: "np.ndarray | LazyArray", start: int) -> np.ndarray:
    where = f"reference (from number {start})" if start else "reference"
    return as_vectors(reference[start : start + _READ], where)


def _merge(
    number: np.ndarray, squared: np.ndarray, points: np.ndarray, block: np.ndarray, start: int, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k best of those found so far and those of a block, in no order."""
    numbers, distances = [], []
    for i in range(0, len(points), _ROWS):
        rows = points[i : i + _ROWS]
        new = squared_distances(rows, block)
        best = _smallest(new, k)
        found = np.concatenate([squared[i : i + _ROWS], np.take_along_axis(new, best, 1)], axis=1)
        names = np.concatenate([number[i : i + _ROWS], best + start], axis=1)
        best = _smallest(found, k)
        distances.append(np.take_along_axis(found, best, 1))
        numbers.append(np.take_along_axis(names, best, 1))
    return np.concatenate(numbers), np.concatenate(distances)


def _smallest(array: np.ndarray, k: int) -> np.ndarray:
    """The columns of the k smallest values of each row, of all where there are fewer; in no order."""
    last = min(k, array.shape[1]) - 1
    return np.argpartition(array, last, axis=1)[:, : last + 1]


def _exact(
    points: np.ndarray, reference: "np.ndarray | LazyArray", number: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sorts by |a - b| from the differences: the sum of three terms cancels where b is near a."""
    distance = np.empty(number.shape)
    for column in range(number.shape[1]):
        for i in range(0, len(points), _ROWS):
            rows = slice(i, i + _ROWS)
            found = as_vectors(reference[number[rows, column]], "reference")
            distance[rows, column] = np.linalg.norm(points[rows] - found, axis=1)
    order = np.argsort(distance, axis=1, kind="stable")
    return np.take_along_axis(number, order, 1), np.take_along_axis(distance, order, 1)
