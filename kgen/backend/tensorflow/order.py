"""Steps of TensorFlow that round alike in every trace of one model.

With Grappler's dependency pass some traces of a diffusion model with a learned schedule differed in the
last digit, so that no step after loading was certain to be the one that training would have taken. It
drops and joins control edges, on which the order of operations depends. Without it all traces were
equal (`pytest tests/diffusion/test_learned_schedule.py -k rounds`); so they were with TensorFlow's
executor of one thread, which takes longer. Why the order matters to the digits was not found.
"""

import contextlib
import functools
from collections.abc import Iterator

import tensorflow as tf
from tensorflow.python.eager import context  # private: see `scope`

_OFF = 2  # RewriterConfig.Toggle.OFF


@contextlib.contextmanager
def same_in_every_trace() -> Iterator[None]:
    """Runs functions of TensorFlow without that pass, in this thread, within the block."""
    current = context.context()
    before = current.function_call_options
    current.function_call_options = _without_dependencies(
        before.config_proto_serialized, before.executor_type
    )
    try:
        yield
    finally:
        current.function_call_options = before


@functools.lru_cache(maxsize=8)
def _without_dependencies(config: bytes, executor: str | None) -> context.FunctionCallOptions:
    changed = tf.compat.v1.ConfigProto.FromString(config)
    changed.graph_options.rewrite_options.dependency_optimization = _OFF
    return context.FunctionCallOptions(executor, changed)
