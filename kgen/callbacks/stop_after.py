"""Stops training after so many minutes: what makes runs of different families comparable."""

import time
from typing import Any

import keras


class StopAfter(keras.callbacks.Callback):
    """Ends training at the end of the epoch that comes nearest to a number of minutes.

    It counts from the beginning of an epoch to the moment its own turn comes at the end. First in the
    list of callbacks, it thus leaves out what the others do between epochs, such as evaluating.

    Args:
        minutes: of training; None: it only measures.
        spent: seconds that count already, of a run that is resumed.

    Attributes: `seconds`, of the last epoch; `spent`, of all epochs.

    Raises ValueError where minutes are not above 0.

    >>> StopAfter(5).spent
    0.0
    """

    def __init__(self, minutes: float | None, spent: float = 0.0) -> None:
        super().__init__()
        if minutes is not None and not minutes > 0:
            raise ValueError(f"expected minutes > 0, got {minutes}")
        self.minutes = minutes
        self.spent = spent
        self.seconds = 0.0
        self._began = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts the watch."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stops the watch, and training where another epoch would lead further from the goal."""
        self.seconds = time.perf_counter() - self._began
        self.spent += self.seconds
        if self.minutes is not None and self.spent + self.seconds / 2 > 60 * self.minutes:
            self.model.stop_training = True
