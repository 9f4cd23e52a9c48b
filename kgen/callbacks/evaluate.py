"""Evaluates a model while it trains."""

import os
import warnings
from typing import Any

import keras

from kgen.callbacks.tensorboard import EventFile
from kgen.metrics import Card, Evaluator


class Evaluate(keras.callbacks.Callback):
    """Evaluates the model that trains, after the first epoch, every k-th and the last.

    The values go into the epoch's `logs` under the names of the metrics, where every callback that
    comes later finds them: CSVLogger, EarlyStopping, keras' TensorBoard, and a run, which writes its
    metrics.csv (pass this one as `watchers` of `kgen.runs.Run.callbacks`). No second model is made:
    samples are drawn by the model's own `sample`, with its averaged weights if it has any.

    Where a metric refuses the samples (all are identical, say), a warning says so, and training goes
    on without the values of that epoch.

    Args:
        evaluator: what to measure, and against what. `kgen.metrics.suites.QUICK` is for use here.
        every: k.
        tensorboard: a folder for the values and a picture of samples; None: none.
        images: how many samples the picture shows.

    Attributes: `cards`, of the last evaluation.

    Raises ValueError for numbers below 1, ImportError for a TensorBoard folder without the package
    tensorboard.

    >>> import kgen.data
    >>> from kgen.metrics import suites
    >>> model = kgen.GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1))
    >>> model.compile("adam")
    >>> ring = kgen.data.load("ring8", size=512)
    >>> evaluator = Evaluator(ring, metrics=[suites.modes(kgen.data.toys.ring8)], samples=1000)
    >>> history = model.fit(ring.x, epochs=1, verbose=0, callbacks=[Evaluate(evaluator)])
    >>> sorted(history.history)[-3:]
    ['high_quality_share', 'mode_reverse_kl', 'modes_covered']
    """

    def __init__(
        self,
        evaluator: Evaluator,
        every: int = 1,
        tensorboard: str | os.PathLike[str] | None = None,
        images: int = 64,
    ) -> None:
        super().__init__()
        if every < 1 or images < 1:
            raise ValueError(f"expected every >= 1 and images >= 1, got {every} and {images}")
        self.evaluator = evaluator
        self.every = every
        self.images = images
        self.cards: list[Card] = []
        self._events = None if tensorboard is None else EventFile(tensorboard)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Evaluates, where it is time."""
        if not self._is_due(epoch + 1):
            return
        try:
            self.cards = self.evaluator(self.model)
        except ValueError as error:
            warnings.warn(f"no evaluation after epoch {epoch + 1}: {error}", stacklevel=2)
            return
        values = {card.metric: card.value for card in self.cards}
        if logs is not None:
            logs.update(values)
        if self._events is not None:
            self._events.scalars(epoch + 1, values)
            drawn = self.model.sample(self.images, seed=self.evaluator.seed)
            self._events.samples(epoch + 1, "samples", drawn)

    def on_train_end(self, logs: Any = None) -> None:
        """Closes the file of TensorBoard."""
        if self._events is not None:
            self._events.close()

    def _is_due(self, epoch: int) -> bool:
        """The first epoch counts, so that a mistake is seen at once and a CSV file has its columns."""
        last = self.model.stop_training or epoch == self.params.get("epochs")
        return epoch == 1 or epoch % self.every == 0 or last
