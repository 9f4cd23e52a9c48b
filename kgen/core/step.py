"""One step body, two calling conventions: with data alone, or with the state that JAX threads."""

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import keras

from kgen.core.optimizers import OptimizerGroup

_inside_step: ContextVar[bool] = ContextVar("inside_step", default=False)


def stateless_or_stateful(body: Callable[[Any, Any], dict]) -> Callable[..., Any]:
    """Wraps `train_step(self, data)` so that it also runs as `(state, data) -> (logs, new state)`.

    With data alone (TensorFlow's trainer, or a subclass's `super().train_step(data)`) the body runs
    as it stands. With state and data (the JAX trainer, and torch's traced step) it runs in a
    stateless scope over the state. Either way a train step adds one to a group's `iterations` and
    moves the model's averages once.
    """
    training = body.__name__ == "train_step"

    @functools.wraps(body)
    def step(self: Any, *arguments: Any) -> Any:
        if len(arguments) == 1:
            return _run(self, body, arguments[0], training)
        state, data = arguments
        groups = self.state_variables(training)
        mapping = [
            pair
            for group, values in zip(groups, state, strict=True)
            for pair in zip(group, values, strict=True)
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            logs = _run(self, body, data, training)
        return logs, tuple([scope.get_current_value(v) for v in group] for group in groups)

    return step


def _run(model: Any, body: Callable[[Any, Any], dict], data: Any, training: bool) -> dict:
    if _inside_step.get():  # called by a subclass's step
        return body(model, data)
    token = _inside_step.set(True)
    try:
        logs = body(model, data)
        if training:
            _finish(model)
        return logs
    finally:
        _inside_step.reset(token)


def _finish(model: Any) -> None:
    """What follows each train step, however many updates it took."""
    for average in model.averages:
        average.update()
    if isinstance(model.optimizer, OptimizerGroup):
        model.optimizer.count_step()
