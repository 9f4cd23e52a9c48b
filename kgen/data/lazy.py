"""An array whose examples are read when they are asked for: for data larger than memory."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

LIMIT = 2**30  # bytes: data sets up to 1 GiB come as arrays, larger ones as a LazyArray
_CHUNK = 256  # examples read at a time


class LazyArray:
    """Looks like an array of shape (n, ...) and reads its examples on indexing.

    `read` takes a list of numbers of examples, at most 256, and gives those examples, each of
    `shape[1:]`, in that order. An integer index gives one example; a slice, a list or an array of
    integers gives them stacked, as `dtype`. `np.asarray` reads everything.
    Not something that `model.fit` takes as it is: wrap it in `kgen.data.Batches`.

    >>> squares = LazyArray(lambda numbers: [i * i for i in numbers], (5, 1), np.float32)
    >>> squares[[1, 3]].tolist()
    [[1.0], [9.0]]
    >>> squares[-1].tolist(), len(squares), squares.nbytes
    ([16.0], 5, 20)
    """

    def __init__(
        self, read: Callable[[list[int]], Iterable[np.ndarray]], shape: tuple[int, ...], dtype: type
    ) -> None:
        self.read = read
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)

    @property
    def nbytes(self) -> int:
        """The bytes that the whole array would take in memory."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def __len__(self) -> int:
        """The number of examples."""
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        """Reads the examples at `index`: shape (..., *shape[1:]). Raises IndexError outside."""
        chosen = np.arange(len(self))[index]
        out = np.empty((chosen.size, *self.shape[1:]), self.dtype)
        for start in range(0, chosen.size, _CHUNK):
            numbers = chosen.ravel()[start : start + _CHUNK].tolist()
            for row, example in enumerate(self.read(numbers), start):
                out[row] = example
        return out.reshape(chosen.shape + self.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Reads every example."""
        if copy is False:
            raise ValueError("a LazyArray is read into a new array: copy=False is impossible")
        return self[:].astype(dtype or self.dtype, copy=False)

    def in_memory_if_small(self) -> "np.ndarray | LazyArray":
        """Gives an array of up to LIMIT bytes, or this lazy one where it would be larger."""
        return self[:] if self.nbytes <= LIMIT else self
