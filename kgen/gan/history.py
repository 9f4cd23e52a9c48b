"""A pool of past fakes: the discriminator does not forget what the generator made before."""

import keras
from keras import ops

import kgen.random
from kgen.backend import Tensor


@keras.saving.register_keras_serializable("kgen")
class HistoryPool(keras.layers.Layer):
    """Keeps fakes of past steps, and shows about half of them in place of fresh ones.

    The pool is a ring: each batch meets the next places of it. At each place a coin decides whether the
    old fake is shown and the fresh one takes its place, or the fresh one is shown and the old one
    stays. Until the ring has come round once, fresh fakes are shown and kept. The pool is saved with
    the model's weights.

    Args:
        size: how many fakes it holds; at least a batch.
        shape: of one fake.

    Raises:
        ValueError: for a size below 1, or a batch above the size.

    Source: "Learning from Simulated and Unsupervised Images through Adversarial Training" (Shrivastava
    et al., 2017), section 2.3.

    >>> pool = HistoryPool(8, (2,))
    >>> tuple(pool.exchange(ops.ones((4, 2)), kgen.random.keys(0, 4)).shape)
    (4, 2)
    """

    def __init__(self, size: int, shape: tuple[int, ...], name: str = "history") -> None:
        super().__init__(name=name, trainable=False, dtype="float32")
        if size < 1:
            raise ValueError(f"expected a pool of at least 1 example, got {size}")
        self.size = size
        self.pool = self.add_weight(
            shape=(size, *shape), trainable=False, initializer="zeros", name="pool"
        )
        # below `size` in the first round, then between `size` and 2 * `size`
        self.position = self.add_weight(
            shape=(), dtype="int", trainable=False, initializer="zeros", name="position"
        )
        self.built = True

    def exchange(self, fake: Tensor, keys: Tensor) -> Tensor:
        """Gives fakes `(batch, ...)` to show, old and fresh ones; keys are int32 `(batch, 2)`."""
        if fake.shape[0] is not None and fake.shape[0] > self.size:
            raise ValueError(
                f"a pool of {self.size} past fakes is smaller than a batch of {fake.shape[0]}: make it "
                "larger, say fifty batches"
            )
        fake = ops.cast(fake, "float32")
        step = ops.shape(fake)[0]
        start = ops.cast(self.position, "int32")  # before it is assigned: torch assigns in place
        places = start + ops.arange(step, dtype="int32")
        index = places % self.size
        old = ops.take(self.pool.value, index, axis=0)
        broadcast = (-1, *[1] * (len(fake.shape) - 1))
        filled = ops.reshape(places >= self.size, broadcast)
        coin = ops.reshape(kgen.random.uniform(keys) < 0.5, broadcast)
        show_old = ops.logical_and(filled, coin)
        keep_old = ops.logical_and(filled, ops.logical_not(coin))
        shown, kept = ops.where(show_old, old, fake), ops.where(keep_old, old, fake)
        self._keep(index, kept, start + step)
        return shown

    def _keep(self, index: Tensor, kept: Tensor, end: Tensor) -> None:
        self.pool.assign(ops.scatter_update(self.pool.value, index[:, None], kept))
        end = ops.where(end >= 2 * self.size, end - self.size, end)
        self.position.assign(ops.cast(end, self.position.dtype))
