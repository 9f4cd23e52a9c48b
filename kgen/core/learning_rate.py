"""Lowers the learning rate of any optimizer: a number, a schedule, or a group of both."""

from typing import Any

import keras

from kgen.backend import Tensor
from kgen.core.optimizers import OptimizerGroup


@keras.saving.register_keras_serializable("kgen")
class ScaledSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Multiplies a learning-rate schedule by a constant.

    >>> half = ScaledSchedule(keras.optimizers.schedules.PiecewiseConstantDecay([5], [1.0, 0.5]), 0.5)
    >>> float(half(3)), float(half(9))
    (0.5, 0.25)
    """

    def __init__(
        self, schedule: keras.optimizers.schedules.LearningRateSchedule, factor: float
    ) -> None:
        super().__init__()
        self.schedule = schedule
        self.factor = factor

    def __call__(self, step: Tensor) -> Tensor:
        """Gives the learning rate of a step."""
        return self.schedule(step) * self.factor

    def get_config(self) -> dict[str, Any]:
        """Gives the schedule and the factor."""
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "factor": self.factor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ScaledSchedule":
        """Makes the schedule from its config."""
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["factor"])


def scale_learning_rate(
    optimizer: keras.optimizers.Optimizer, numbers: float, schedules: float
) -> None:
    """Multiplies the learning rates of an optimizer, or of every member of a group.

    Call it before the train step is compiled: a schedule is part of the program.

    Args:
        optimizer: what `model.optimizer` is.
        numbers: the factor of learning rates that are numbers, and so are saved with the weights.
        schedules: the factor of those that follow a schedule, which is not.

    Raises:
        ValueError: for a learning rate that is a Python function.

    >>> adam = keras.optimizers.Adam(0.5)
    >>> scale_learning_rate(adam, numbers=0.5, schedules=0.5)
    >>> float(adam.learning_rate)
    0.25
    """
    group = isinstance(optimizer, OptimizerGroup)
    for member in optimizer.members.values() if group else [optimizer]:
        plain = getattr(member, "inner_optimizer", member)  # of a LossScaleOptimizer
        rate = plain.get_config()["learning_rate"]
        if isinstance(rate, float):
            plain.learning_rate = rate * numbers
        else:
            plain.learning_rate = ScaledSchedule(_schedule(plain, rate), schedules)


def _schedule(
    optimizer: keras.optimizers.Optimizer, config: Any
) -> keras.optimizers.schedules.LearningRateSchedule:
    rate = keras.saving.deserialize_keras_object(config)
    if not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        raise ValueError(
            f"the learning rate of {type(optimizer).__name__} is a Python function, which cannot be "
            "scaled: give a number or a keras.optimizers.schedules.LearningRateSchedule"
        )
    return rate
