"""Stops training within an epoch, where the losses become NaN."""

import math
from typing import Any

import keras


class StopAtNaN(keras.callbacks.Callback):
    """Ends training in the middle of an epoch, as soon as a logged number is NaN or infinite.

    It makes no step wait: Keras turns the logs of every batch into numbers, on TensorFlow and JAX in
    threads beside the training, and there this callback reads them, unlike `TerminateOnNaN`, which
    calls Keras back to the training's own thread. So a few more steps may have begun. Validation, if
    there is any, and the other callbacks have their turn at the end of the epoch before training ends:
    `Doctor` says where the NaN came from.

    Attributes: `step`, the first of the epoch whose logs are not finite (1 is the first step), or None.
    Logs are means since the beginning of the epoch, so none that comes later is finite.

    >>> import numpy as np
    >>> import kgen
    >>> model = kgen.VAE(kgen.networks.mlp(2, 4), kgen.networks.mlp(2, 2), kgen.vae.Gaussian(0.1))
    >>> model.compile(keras.optimizers.SGD(1e30))
    >>> stop = StopAtNaN()
    >>> history = model.fit(np.ones((99, 2)), epochs=9, batch_size=1, verbose=0, callbacks=[stop])
    >>> len(history.epoch), stop.step
    (1, 2)
    """

    async_safe = True  # for keras.callbacks.CallbackList: may be called in another thread

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[int] = []
        self._training: keras.Model | None = None

    @property
    def step(self) -> int | None:
        """The first step with a number that is not finite; None: all is well."""
        return min(self._steps, default=None)

    def on_train_begin(self, logs: Any = None) -> None:
        """Takes the model: on JAX, `self.model` in the middle of an epoch would copy its state back."""
        self._training = self.model

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts again."""
        self._steps = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Looks at the numbers of a step."""
        if not all(map(math.isfinite, (logs or {}).values())):
            self._steps.append(batch + 1)
            self._training.stop_training = True
