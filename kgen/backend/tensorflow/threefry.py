"""Threefry on TensorFlow: inside a step one operation, which XLA makes of a hundred."""

import contextlib
import contextvars
from collections.abc import Iterator

import tensorflow as tf

from kgen.backend.scope import Tensor
from kgen.backend.threefry_rounds import threefry as rounds

_fuses: contextvars.ContextVar[bool] = contextvars.ContextVar("fuses", default=False)


@contextlib.contextmanager
def fused_threefry() -> Iterator[None]:
    """Inside, Threefry is one operation: for a step only, since what is exported may become ONNX."""
    token = _fuses.set(True)
    try:
        yield
    finally:
        _fuses.reset(token)


def threefry(k0: Tensor, k1: Tensor, x0: Tensor, x1: Tensor) -> tuple[Tensor, Tensor]:
    """See `kgen.backend.threefry`."""
    words = [tf.convert_to_tensor(word) for word in (k0, k1, x0, x1)]
    return _by_xla(*words) if _fuses.get() else _threefry(*words)


def _threefry(*words: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return rounds(*words, _rotate_left)


# A hundred operations on a few numbers each: XLA makes one of them, which takes a third of the time.
_by_xla = tf.function(_threefry, jit_compile=True, autograph=False)


def _rotate_left(x: tf.Tensor, distance: int) -> tf.Tensor:
    # int32 shifts right with its sign: mask the copies of the sign bit away.
    low = tf.bitwise.right_shift(x, 32 - distance) & ((1 << distance) - 1)
    return tf.bitwise.left_shift(x, distance) | low
