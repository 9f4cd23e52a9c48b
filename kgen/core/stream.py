"""A source of random keys whose state is a weight: it is saved, resumed and compiled like one."""

import random as python_random

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen.backend import Tensor

# Keys of training differ in their second word from those of `sample(seed=...)`, whose second word is
# the index of the sample.
_TRAINING = 0x7472616E


@keras.saving.register_keras_serializable("kgen")
class RandomStream(keras.layers.Layer):
    """Hands out keys for `kgen.random`, a new one at each call.

    The seed comes from Python's generator, so `keras.utils.set_random_seed` before the model is made
    decides it, as for every Keras layer. Not `keras.random.SeedGenerator`: Keras does not save its
    state, its type differs between backends, and on torch it cannot be traced.
    """

    def __init__(self, name: str = "random") -> None:
        super().__init__(name=name, trainable=False)
        self.state = self.add_weight(
            shape=(3,), dtype="int", trainable=False, initializer="zeros", name="state"
        )
        self.built = True
        self.reseed(python_random.randint(0, 2**31 - 1))

    def reseed(self, seed: int) -> None:
        """Starts the stream of an integer seed from its beginning."""
        low, high = kgen.random.key(seed)
        self.state.assign(np.array([low, high ^ _TRAINING, 0], dtype="int32"))

    def next_key(self) -> Tensor:
        """Gives a fresh key, int32 `(2,)`, and moves on."""
        state = ops.cast(self.state, "int32")
        key = kgen.random.fold_in(state[:2], state[2])  # first: torch assigns in place, under `state`
        self.state.assign(self.state + ops.convert_to_tensor([0, 0, 1], dtype=self.state.dtype))
        return key

    def next_keys(self, like: Tensor) -> Tensor:
        """Gives one fresh key for each example of a batch `like` (batch, ...): int32 `(batch, 2)`."""
        return kgen.random.fold_in(self.next_key(), ops.arange(ops.shape(like)[0], dtype="int32"))
