"""Lets a backend's own kernel take the place of the innermost update of Keras' Adam."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras


@contextlib.contextmanager
def replaced(
    optimizer: keras.optimizers.Optimizer, method: str, update: Callable[..., bool]
) -> Iterator[None]:
    """Inside, calls of a method of Keras' Adam or AdamW go to `update` first.

    Clipping, weight decay, accumulation and averages stay Keras' own. An instance attribute for the
    time of the step, past Keras' tracking of attributes, leaves other models' optimizers alone.

    Args:
        optimizer: another kind of optimizer is left as it is.
        method: as "update_step".
        update: takes the optimizer and the method's arguments; False, with nothing changed, where
            its kernel does not fit: then Keras' method runs.
    """
    if not _is_adam(optimizer):
        yield
        return
    keras_update = getattr(optimizer, method)

    def first_ours(*arguments: Any) -> None:
        if not update(optimizer, *arguments):
            keras_update(*arguments)

    vars(optimizer)[method] = first_ours
    try:
        yield
    finally:
        del vars(optimizer)[method]


def _is_adam(optimizer: keras.optimizers.Optimizer) -> bool:
    cls = type(optimizer)
    keras_own = cls.__module__.startswith("keras.") and cls.__name__ in ("Adam", "AdamW")
    return keras_own and not optimizer.amsgrad
