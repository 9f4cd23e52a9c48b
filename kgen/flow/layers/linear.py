"""Linear transforms of the last axis: activation normalisation, permutations, 1x1 convolutions."""

import math
import random as python_random
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor
from kgen.flow.layers.base import Transform
from kgen.flow.transforms.base import zero_ladj
from kgen.flow.transforms.lu import lu_factors, lu_inverse

_LARGEST_LOG = 40.0  # of a diagonal; exp of it is well within float32


@keras.saving.register_keras_serializable("kgen")
class ActNorm(Transform):
    """z = (x - shift) exp(-log_scale), a shift and a scale for each channel.

    `initialize` sets them once, so that the channels of the first data have mean 0 and variance 1.
    That it did so is a weight: saved, loaded and resumed with the others. `Flow.fit` calls it.

    Args:
        channels: the size of the last axis.
        kwargs: of `keras.layers.Layer`.

    Source: "Glow" (Kingma and Dhariwal, 2018), section 3.1.

    >>> layer = ActNorm(1)
    >>> z = layer.initialize(ops.convert_to_tensor([[1.0], [3.0]]))
    >>> ops.convert_to_numpy(z).round(4).tolist()
    [[-1.0], [1.0]]
    """

    def __init__(self, channels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels = channels
        self.shift = self.add_weight(shape=(channels,), initializer="zeros", name="shift")
        self.log_scale = self.add_weight(shape=(channels,), initializer="zeros", name="log_scale")
        self.initialized = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="initialized"
        )

    @property
    def started(self) -> bool:
        """Whether `initialize` was called, in this process or in one that saved the weights."""
        return float(self.initialized.numpy()) > 0.0

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Normalises."""
        shift, log_scale = self._values(x)
        return (x - shift) * ops.exp(-log_scale), zero_ladj(x) - _positions(x) * ops.sum(log_scale)

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Takes the normalisation back."""
        shift, log_scale = self._values(z)
        return z * ops.exp(log_scale) + shift, zero_ladj(z) + _positions(z) * ops.sum(log_scale)

    def initialize(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Sets shift and scale from x, unless they were set before; gives z."""
        values = np.asarray(ops.convert_to_numpy(x), "float64").reshape(-1, self.channels)
        if not self.started:
            self.shift.assign(values.mean(axis=0).astype("float32"))
            # a channel that never varies would be blown up
            self.log_scale.assign(np.log(np.maximum(values.std(axis=0), 1e-3)).astype("float32"))
            self.initialized.assign(1.0)
        return super().initialize(x, context)

    def _values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return ops.cast(self.shift, x.dtype), ops.cast(self.log_scale, x.dtype)


@keras.saving.register_keras_serializable("kgen")
class Permutation(Transform):
    """Puts the numbers of the last axis into another order: z[i] = x[order[i]].

    Args:
        order: each index once.
        kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: where the order is no permutation.

    >>> z = Permutation((2, 0, 1)).call(ops.convert_to_tensor([[1.0, 2.0, 3.0]]))
    >>> ops.convert_to_numpy(z).tolist()
    [[3.0, 1.0, 2.0]]
    """

    def __init__(self, order: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.order = [int(index) for index in order]
        if sorted(self.order) != list(range(len(self.order))):
            raise ValueError(f"expected each of {len(self.order)} indices once, got {self.order}")

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Volumes stay."""
        return ops.take(x, ops.convert_to_tensor(self.order, dtype="int32"), axis=-1), zero_ladj(x)

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The inverse permutation."""
        back = ops.convert_to_tensor(np.argsort(self.order).astype("int32"))
        return ops.take(z, back, axis=-1), zero_ladj(z)


@keras.saving.register_keras_serializable("kgen")
class Linear(Transform):
    """z = W x on the last axis: of images an invertible 1x1 convolution. W = P L U.

    P is a fixed random permutation, L lower triangular with a unit diagonal, U upper triangular with a
    positive one; at first W = P.

    Args:
        channels: the size of the last axis.
        seed: of P; None: a fresh one.
        kwargs: of `keras.layers.Layer`.

    Source: "Glow" (Kingma and Dhariwal, 2018), equation 10, the diagonal without its signs.

    >>> layer = Linear(2, seed=0)
    >>> float(layer.call_and_ladj(ops.ones((1, 2)))[1][0])
    0.0
    """

    def __init__(self, channels: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels = channels
        self.seed = python_random.getrandbits(31) if seed is None else seed
        shape = (channels, channels)
        # a weight, for a file of weights must hold it
        self.order = self.add_weight(
            shape=(channels,), dtype="int", initializer="zeros", trainable=False, name="order"
        )
        self.order.assign(np.random.default_rng(self.seed).permutation(channels))
        self.lower = self.add_weight(shape=shape, initializer="zeros", name="lower")
        self.upper = self.add_weight(shape=shape, initializer="zeros", name="upper")
        self.log_diagonal = self.add_weight(shape=(channels,), initializer="zeros", name="log_diagonal")

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """log |det W| = sum log diag U, once for each position."""
        left, right = self._factors(x.dtype)
        matrix = ops.matmul(self._permutation(x.dtype), ops.matmul(left, right))
        log_diagonal = ops.cast(self.log_diagonal, x.dtype)
        ladj = zero_ladj(x) + _positions(x) * ops.sum(log_diagonal)
        return ops.matmul(x, ops.transpose(matrix)), ladj

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x = (L U)^-1 P^T z."""
        inverse = lu_inverse(*self._factors(z.dtype))
        inverse = ops.matmul(inverse, ops.transpose(self._permutation(z.dtype)))
        log_diagonal = ops.cast(self.log_diagonal, z.dtype)
        ladj = zero_ladj(z) - _positions(z) * ops.sum(log_diagonal)
        return ops.matmul(z, ops.transpose(inverse)), ladj

    def load_own_variables(self, store: Any) -> None:
        """Loads the weights; raises ValueError where W would be singular."""
        # Keras tries a layer that refused again, with nothing to load, and would show that error.
        if store.keys() or not self._singular:
            super().load_own_variables(store)
        if self._singular:
            values = self.log_diagonal.numpy()
            raise ValueError(
                f"layer {self.name!r}: the matrix is singular with these weights, the logarithms of "
                f"its diagonal are {values.min():g} ... {values.max():g}: the training that wrote them "
                "had diverged; load an earlier file"
            )

    @property
    def _singular(self) -> bool:
        return not (np.abs(self.log_diagonal.numpy()) < _LARGEST_LOG).all()

    def _permutation(self, dtype: Any) -> Tensor:
        order = ops.cast(self.order, "int32")
        return ops.cast(ops.one_hot(order, self.channels, dtype="float32"), dtype)

    def _factors(self, dtype: Any) -> tuple[Tensor, Tensor]:
        weights = (self.lower, self.upper, self.log_diagonal)
        return lu_factors(*(ops.cast(weight, dtype) for weight in weights))


def _positions(x: Tensor) -> int:
    """How many positions share the last axis: 1 for vectors, height times width for images."""
    return math.prod(x.shape[1:-1])
