"""Callbacks for `model.fit`."""

from kgen.callbacks.doctor import Doctor, Finding
from kgen.callbacks.evaluate import Evaluate
from kgen.callbacks.stop_after import StopAfter
from kgen.callbacks.stop_at_nan import StopAtNaN
from kgen.callbacks.tensorboard import EventFile

__all__ = ["Doctor", "Evaluate", "EventFile", "Finding", "StopAfter", "StopAtNaN"]
