"""What students share: a frozen copy of a teacher, and what it predicts at a time of each example."""

from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.model import Diffusion
from kgen.diffusion.schedules.base import like


class Student(Diffusion):
    """The base of the models that learn from another network to sample in few steps.

    A student jumps, so it has no velocity to integrate: ask its teacher for likelihoods and latents.
    """

    log_prob_estimate = None

    def flow(self, *arguments: Any, **options: Any) -> None:
        """Raises NotImplementedError, and so do `log_prob` and `encode`."""
        raise NotImplementedError(
            f"{type(self).__name__} has no probability flow: use the model that it learned from"
        )

    def bound(self, *arguments: Any, **options: Any) -> None:
        """Raises NotImplementedError."""
        raise NotImplementedError(
            f"{type(self).__name__} has no bound: use the model that it learned from"
        )

    def denoise(
        self,
        network: keras.Layer,
        x: Tensor,
        t: Tensor,
        named: dict[str, Tensor],
        training: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """A network's data and noise for examples at times `(batch,)`, clipped as samples are."""
        y = self.predict_target(network, x, t, named, training)
        data, noise = self.target.solve(self.schedule, x, y, t)
        if self.clip is None:
            return data, noise
        data = ops.clip(data, *self.clip)
        return data, (x - like(self.schedule.a(t), x) * data) / like(self.schedule.b(t), x)

    def teach(self, x: Tensor, t: Tensor, s: Tensor, named: dict[str, Tensor]) -> Tensor:
        """The teacher's DDIM step from times t to s, `(batch,)`: a_s data + b_s noise."""
        data, noise = self.denoise(self.teacher, x, t, named)
        return like(self.schedule.a(s), x) * data + like(self.schedule.b(s), x) * noise


def student_network(model: Diffusion) -> keras.Model:
    """Copies the network that a model samples with, the average where there is one, to train it on."""
    return _copy(model.network if model.ema is None else model.ema.average, trainable=True)


def frozen(teacher: keras.Model, network: keras.Model) -> keras.Model:
    """Copies a teacher, not to be trained; ValueError where it is not like the student's network."""
    shapes = [
        ([(i.name, *i.shape) for i in model.inputs], model.output_shape) for model in (teacher, network)
    ]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "expected a teacher with the inputs and the output of the network, "
            f"{shapes[1]}, got {shapes[0]}"
        )
    return _copy(teacher, trainable=False)


def settings(model: Diffusion) -> dict[str, Any]:
    """What a student has from its teacher besides the network."""
    names = ("schedule", "target", "precondition", "classes", "label_dropout", "clip")
    return {name: getattr(model, name) for name in names}


def _copy(network: keras.Model, trainable: bool) -> keras.Model:
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(network))
    copy.set_weights(network.get_weights())
    copy.trainable = trainable
    return copy
