"""Counter-based random numbers: one seed, the same noise on every backend.

Every number is a pure function of a key and of its position, computed with integer arithmetic in
`keras.ops`. So the same seed gives the same samples on TensorFlow, JAX and PyTorch and inside an
exported SavedModel; a key may be a traced tensor; and each example of a batch can own a key, so
that its noise does not depend on the batch that it happens to be in.

A key is an int32 tensor whose last axis has two words. `normal(key, shape)` with a key of shape
`(2,)` gives `shape`; with keys of shape `(batch, 2)` it gives `(batch, *shape)`, row i from key i.

Source: "Parallel Random Numbers: As Easy as 1, 2, 3" (Salmon et al., 2011), Threefry-2x32 with 20
rounds.
"""

import math
import random as python_random

import numpy as np
from keras import ops

from kgen import backend
from kgen.backend import Tensor

_DRAW, _FOLD = 0, 1  # the counter's second word keeps draws and folded keys apart


def key(seed: int | None = None) -> np.ndarray:
    """Makes the key of an integer seed; a fresh one where the seed is None.

    A fresh seed comes from Python's `random`, as in Keras: it differs from run to run, unless
    `keras.utils.set_random_seed` was called.

    Returns an int32 array of shape (2,). Raises ValueError for a seed outside [0, 2**63).

    >>> key(7).tolist()
    [7, 0]
    """
    if seed is None:
        seed = python_random.getrandbits(63)
    if not 0 <= seed < 2**63:
        raise ValueError(f"expected a seed in [0, 2**63), got {seed}")
    words = np.array([seed & 0xFFFFFFFF, seed >> 32], dtype=np.uint32)
    return words.view(np.int32)


def keys(seed: int | None, n: int, start: int = 0) -> np.ndarray:
    """Makes the keys of `n` examples: row i is the seed's first word (mixed with its second) and i.

    Returns an int32 array of shape (n, 2). Row i does not depend on `n`, so the first five samples
    of a hundred are the five samples of five.

    >>> keys(7, 3).tolist()
    [[7, 0], [7, 1], [7, 2]]
    """
    low, high = key(seed).view(np.uint32)
    word = np.uint32(low ^ np.uint32((int(high) * 0x9E3779B1) & 0xFFFFFFFF))
    index = np.arange(start, start + n, dtype=np.uint32)
    return np.stack([np.full(n, word, np.uint32), index], axis=1).view(np.int32)


def fold_in(key: Tensor, data: Tensor | int) -> Tensor:
    """Derives new keys from keys and integers: the step of a loop, the number of a draw.

    Args:
        key: int32 `(2,)` or `(batch, 2)`.
        data: integers whose shape broadcasts with that of the keys, `key.shape[:-1]`.

    Returns:
        int32 keys, two words for each pair of a key and an integer.

    >>> fold_in(key(7), np.arange(5)).shape[0]
    5
    """
    k0, k1 = _words(key)
    data = ops.cast(data, "int32")
    return ops.stack(backend.threefry(k0, k1, data, ops.full_like(data, _FOLD)), axis=-1)


def per_example(key: Tensor, batch: Tensor | int) -> Tensor:
    """Gives each example its key, `(batch, 2)`, from one key `(2,)`; keys `(batch, 2)` stay.

    `batch` may be unknown while a graph is traced; then `normal(per_example(key, batch), shape)`
    still works, where `normal(key, (batch, *shape))` would not. Row i does not depend on `batch`.
    """
    return key if len(key.shape) == 2 else fold_in(key, ops.arange(batch, dtype="int32"))


def uniform(key: Tensor, shape: tuple[int, ...] = (), dtype: str = "float32") -> Tensor:
    """Draws from the uniform distribution on the open interval (0, 1).

    Args:
        key: int32 `(2,)` or `(batch, 2)`.
        shape: of one draw; the result has shape `key.shape[:-1] + shape`.
        dtype: of the result. 23 random bits an element, so that neither 0 nor 1 occurs in float32.
    """
    size = math.prod(shape)
    words = _bits(key, (size + 1) // 2)
    flat = ops.concatenate(words, axis=-1)[..., :size]
    return ops.cast(_reshape(_to_unit(flat), key, shape), dtype)


def normal(key: Tensor, shape: tuple[int, ...] = (), dtype: str = "float32") -> Tensor:
    """Draws from the standard normal distribution, by Box and Muller's transform.

    Args:
        key: int32 `(2,)` or `(batch, 2)`.
        shape: of one draw; the result has shape `key.shape[:-1] + shape`.
        dtype: of the result; the arithmetic is float32.

    Source: "A Note on the Generation of Random Normal Deviates" (Box and Muller, 1958).
    """
    size = math.prod(shape)
    first, second = _bits(key, (size + 1) // 2)
    radius = ops.sqrt(-2.0 * ops.log(_to_unit(first)))
    angle = (2.0 * math.pi) * _to_unit(second)
    flat = ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=-1)[..., :size]
    return ops.cast(_reshape(flat, key, shape), dtype)


def bernoulli(key: Tensor, probability: Tensor | float, shape: tuple[int, ...] = ()) -> Tensor:
    """Draws float32 zeros and ones: one where a uniform draw of `shape` is below `probability`."""
    return ops.cast(uniform(key, shape) < probability, "float32")


def randint(key: Tensor, low: int, high: int, shape: tuple[int, ...] = ()) -> Tensor:
    """Draws int32 integers of [low, high); the bias is below (high - low) / 2**23."""
    return low + ops.cast(ops.floor(uniform(key, shape) * (high - low)), "int32")


def categorical(key: Tensor, logits: Tensor) -> Tensor:
    """Draws int32 class numbers, by the Gumbel-max trick.

    Args:
        key: int32 `(2,)`, or `(batch, 2)` for logits whose first axis is the batch.
        logits: `(..., classes)`, unnormalised log-probabilities; the result drops the last axis.

    A class whose probability is below about 1e-7 of the largest one is drawn more rarely than it
    should be: a Gumbel draw from 23 bits is at most 16.6.

    Source: "A* Sampling" (Maddison et al., 2014), section 2.
    """
    logits = ops.cast(logits, "float32")
    shape = tuple(logits.shape) if len(key.shape) == 1 else tuple(logits.shape[1:])
    # argmax(logits + g) with g = -log(-log u) has the distribution softmax(logits)
    gumbel = -ops.log(-ops.log(uniform(key, shape)))
    noisy = logits + gumbel
    # Not `ops.argmax`: what Keras makes of it on TensorFlow has no counterpart in ONNX.
    behind = noisy < ops.max(noisy, axis=-1, keepdims=True)
    classes = logits.shape[-1]
    return ops.min(ops.where(behind, classes, ops.arange(classes, dtype="int32")), axis=-1)


def _words(key: Tensor) -> tuple[Tensor, Tensor]:
    key = ops.cast(key, "int32")
    return key[..., 0], key[..., 1]


def _bits(key: Tensor, blocks: int) -> tuple[Tensor, Tensor]:
    """Two int32 tensors of shape key.shape[:-1] + (blocks,) with 32 random bits an element."""
    k0, k1 = (ops.expand_dims(word, -1) for word in _words(key))
    counter = ops.broadcast_to(
        ops.convert_to_tensor(np.arange(blocks, dtype=np.int32)), (*ops.shape(k0)[:-1], blocks)
    )
    return backend.threefry(k0, k1, counter, ops.full_like(counter, _DRAW))


def _to_unit(bits: Tensor) -> Tensor:
    """int32 bits to float32 in (0, 1): the upper 23 bits and a half, all exact in float32."""
    upper = ops.bitwise_and(ops.right_shift(bits, _int32(9)), _int32(0x7FFFFF))
    return (ops.cast(upper, "float32") + 0.5) * (2.0**-23)


def _reshape(flat: Tensor, key: Tensor, shape: tuple[int, ...]) -> Tensor:
    return ops.reshape(flat, (*ops.shape(key)[:-1], *shape))


def _int32(value: int) -> Tensor:
    return ops.convert_to_tensor(value, dtype="int32")
