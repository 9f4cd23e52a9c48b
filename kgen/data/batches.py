"""Batches in an order that depends on the seed and the epoch only, for exact resume."""

import keras
import numpy as np

from kgen.data.checks import check_positive
from kgen.data.lazy import LazyArray


class Batches(keras.utils.PyDataset):
    """Cuts x (and y) into batches that `model.fit` takes on every backend.

    x: array or `LazyArray` (n, ...); y: labels (n,) or None. Each item is `(x,)` or `(x, y)`.
    Epoch e visits `np.random.default_rng([seed, e]).permutation(n)`, or 0..n-1 with
    `shuffle=False`. The last batch is smaller unless `drop_last`. `epoch` starts at 0, rises after
    each whole epoch of `fit`, and may be set: `batches.epoch = 7` goes on with the eighth.

    kgen's models keep that order. For other Keras models call `fit(batches, shuffle=False)`: by
    default Keras shuffles the batches of an epoch once more, with Python's `random`. Without
    `steps_per_epoch`: an epoch is a pass over the data.
    Raises ValueError for no data, labels of another length, or a batch size that leaves no batch.

    >>> batches = Batches(np.arange(5), batch_size=2, shuffle=False)
    >>> [x.tolist() for x, in batches]
    [[0, 1], [2, 3], [4]]
    """

    orders_itself = True  # `GenerativeModel.fit` then does not shuffle again

    def __init__(
        self,
        x: np.ndarray | LazyArray,
        y: np.ndarray | LazyArray | None = None,
        batch_size: int = 128,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
    ) -> None:
        super().__init__()
        check_positive("batch_size", batch_size)
        self.x, self.y = x, y
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.epoch = 0
        self._order = (-1, np.empty(0, np.int64))  # the epoch it belongs to, and the indices
        self._running = False
        self._batches_read = 0
        self._check()

    def _check(self) -> None:
        if len(self.x) == 0:
            raise ValueError("x holds no examples")
        if self.y is not None and len(self.y) != len(self.x):
            raise ValueError(f"x has {len(self.x)} examples but y has {len(self.y)} labels")
        if len(self) == 0:
            raise ValueError(
                f"drop_last=True leaves no batch: {len(self.x)} examples are fewer than "
                f"batch_size={self.batch_size}; use a smaller batch_size"
            )

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        full, rest = divmod(len(self.x), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        """Gives batch `index` of the current epoch. Raises IndexError outside 0..len-1."""
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        chosen = self.order()[index * self.batch_size : (index + 1) * self.batch_size]
        self._batches_read += 1
        return (self.x[chosen],) if self.y is None else (self.x[chosen], self.y[chosen])

    def order(self) -> np.ndarray:
        """Gives the order in which the current epoch visits the examples: int64 (n,).

        >>> batches = Batches(np.zeros(4), seed=3)
        >>> same = np.random.default_rng([3, 0]).permutation(4)
        >>> bool((batches.order() == same).all())
        True
        """
        epoch, order = self._order
        if epoch != self.epoch:
            epoch, order = self.epoch, np.arange(len(self.x))
            if self.shuffle:
                order = np.random.default_rng([self.seed, epoch]).permutation(len(self.x))
            self._order = (epoch, order)
        return order

    def on_epoch_begin(self) -> None:
        """Notes that `fit` starts an epoch."""
        self._running, self._batches_read = True, 0

    def on_epoch_end(self) -> None:
        """Moves to the next epoch, after a whole one.

        Keras also calls this before the first epoch, and after reading one batch to build a model:
        neither counts.
        """
        if self._running and self._batches_read >= len(self):
            self.epoch += 1
        self._running = False
