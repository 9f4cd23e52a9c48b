"""Overfitting: a validation loss that leaves the training one."""

from collections.abc import Mapping

import keras

from kgen.callbacks.doctor.finding import Check, Finding


class Overfitting(Check):
    """Finds a validation loss that has not improved for k epochs, while its gap to training grew.

        gap = val_loss - loss

    Args:
        loss: its name in the logs, where "val_" stands before that of the validation data.
        epochs: k.
        least: how much the gap must have grown since the best epoch, as a share of what the training
            loss has gained in all: so it depends on neither unit nor zero of the loss.

    >>> check = Overfitting(epochs=2)
    >>> logs = [(9, 9.0), (7, 7.1), (6, 7.4), (5, 7.9)]
    >>> found = [check.look(None, {"loss": a, "val_loss": b}, i) for i, (a, b) in enumerate(logs, 1)]
    >>> found[-1].saw
    'val_loss was best in epoch 2 (7.1) and is 7.9, loss went on from 7 to 5: their gap grew by 2.8'
    """

    name = "overfitting"

    def __init__(self, loss: str = "loss", epochs: int = 5, least: float = 0.05) -> None:
        self.loss = loss
        self.epochs = epochs
        self.least = least
        self._seen: dict[int, tuple[float, float]] = {}

    def fits(self, model: keras.Model) -> bool:
        """Models that track the loss."""
        return self.loss in getattr(model, "trackers", {})

    def begin(self, model: keras.Model) -> None:
        """Forgets earlier epochs."""
        self._seen = {}

    def look(self, model: keras.Model, logs: Mapping[str, float], epoch: int) -> Finding | None:
        """Compares this epoch with the one of the best validation loss."""
        if not {self.loss, f"val_{self.loss}"} <= set(logs):
            return None
        now = self._seen[epoch] = (float(logs[self.loss]), float(logs[f"val_{self.loss}"]))
        best_epoch = min(self._seen, key=lambda e: self._seen[e][1])
        best = self._seen[best_epoch]
        growth = (now[1] - now[0]) - (best[1] - best[0])
        gained = max(loss for loss, _ in self._seen.values()) - now[0]
        if epoch - best_epoch < self.epochs or growth <= self.least * gained or growth <= 0:
            return None
        saw = (
            f"val_{self.loss} was best in epoch {best_epoch} ({best[1]:.4g}) and is {now[1]:.4g}, "
            f"{self.loss} went on from {best[0]:.4g} to {now[0]:.4g}: their gap grew by {growth:.4g}"
        )
        return Finding(
            self.name,
            epoch,
            saw,
            "the model learns its training examples by heart",
            f"the weights of epoch {best_epoch} (EarlyStopping), more data or augmentation, dropout, "
            "weight decay, or a smaller network",
            severity=growth,
        )
