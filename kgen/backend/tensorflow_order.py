"""Steps of TensorFlow that round alike in every trace of one model.

Grappler's dependency pass drops and joins control edges, another choice in each trace. The order in
which operations run changes with them, and with it what they write over: of fifty traces of a diffusion
model with a learned schedule five differed in the last digit, so that no step after loading was certain
to be the one that training would have taken. Without the pass, which saves no time here, or with
TensorFlow's executor of one thread, which costs 7 % of a DCGAN's step, fifty of fifty were equal.
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
