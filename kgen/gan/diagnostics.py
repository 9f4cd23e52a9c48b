"""How the game stands, in numbers after each epoch."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kgen import backend
from kgen.gan.critic import Critic
from kgen.gan.penalties import slope

Examples = tuple[np.ndarray | None, np.ndarray | None]  # and their labels


class Diagnose(keras.callbacks.Callback):
    """Adds to the logs of each epoch what the discriminator says of real, held-out and fake examples.

    - "real_logit", "held_out_logit", "fake_logit": means of its outputs in inference mode. A
      discriminator that rates the real examples above held-out ones knows them by heart;
    - "wasserstein": real_logit - fake_logit, for a critic of slope 1 a lower estimate of the earth
      mover's distance;
    - "real_slope", "fake_slope": means of |grad D(x)|. Near 0 the generator learns nothing.

    Put it before the callbacks that read the logs: as one of the `watchers` of a run.

    Args:
        real: training examples `(n, ...)`, of which the first 256 are judged.
        held_out: examples `(n, ...)` that are not trained on; None: none.
        labels: of the real examples, where the model needs labels.
        held_out_labels: of the held-out ones.

    >>> import kgen
    >>> model = kgen.GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1))
    >>> model.compile("adam")
    >>> x = kgen.data.load("ring8", size=64).x
    >>> history = model.fit(x, epochs=1, verbose=0, callbacks=[Diagnose(x)]).history
    >>> sorted(history)[1:]
    ['fake_logit', 'fake_slope', 'generator_loss', 'real_logit', 'real_slope', 'wasserstein']
    """

    def __init__(
        self,
        real: np.ndarray,
        held_out: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        held_out_labels: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.real = _first(real), _first(labels)
        self.held_out = _first(held_out), _first(held_out_labels)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Judges the examples, and changes nothing in the model."""
        if logs is None:
            return
        backend.synchronize(self.model)
        with keras.StatelessScope():
            logs.update(self._look())

    def _look(self) -> dict[str, float]:
        real, fake = self.model.judge(*_tensors(self.real))
        values = {"real_logit": _mean(real), "fake_logit": _mean(fake)}
        values["wasserstein"] = values["real_logit"] - values["fake_logit"]
        if self.held_out[0] is not None:
            values["held_out_logit"] = _mean(self.model.judge(*_tensors(self.held_out))[0])
        x, labels = _tensors(self.real)
        x = x[: x.shape[0] - x.shape[0] % self.model.packing]
        fakes = self.model.fakes(x, labels, training=False)
        critic = Critic(self.model.discriminator, fakes.conditions, training=False)
        for name, examples in (("real_slope", x), ("fake_slope", fakes.examples)):
            values[name] = _mean(slope(critic, self.model.shown(examples, training=False)))
        return values


def _first(array: np.ndarray | None) -> np.ndarray | None:
    return None if array is None else np.asarray(array[:256])


def _tensors(examples: Examples) -> tuple[Any, Any]:
    x, labels = examples
    told = None if labels is None else ops.convert_to_tensor(labels, "int32")
    return ops.convert_to_tensor(x), told


def _mean(x: Any) -> float:
    return float(np.mean(ops.convert_to_numpy(ops.stop_gradient(x))))
