"""Finds the first layer that makes NaN: a forward pass, eagerly, with a look at every output."""

import contextlib
import functools
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops


@dataclass(frozen=True)
class Culprit:
    """A layer whose output is NaN or infinite."""

    path: str
    """Its name after those of the models around it: "encoder/dense_1"."""
    finite_inputs: bool
    """Whether the trouble begins here."""


def first_broken_layer(
    model: keras.Model, data: tuple[np.ndarray, ...], weights: Sequence[np.ndarray]
) -> tuple[Culprit | None, bool]:
    """Runs the model's test step on a batch, layer by layer, and changes nothing in the model.

    Args:
        model: a `GenerativeModel`; nested models and operations between layers are looked into.
        data: a batch as `fit` sees it, `(x,)` or `(x, condition)`.
        weights: values for `model.weights`.

    Returns:
        The first layer with NaN or infinite outputs, or None; and whether the results are finite.
    """
    batch = tuple(ops.convert_to_tensor(array) for array in data)
    values = [ops.convert_to_tensor(w, v.dtype) for v, w in zip(model.weights, weights, strict=True)]
    fresh = [(v, ops.zeros_like(v.value)) for v in model.metrics_variables]  # means, NaN by now
    mapping = [*zip(model.weights, values, strict=True), *fresh]
    with keras.StatelessScope(state_mapping=mapping), _watching(model) as culprits:
        logs = model.test_step(batch)
        finite = all(is_finite(value) for value in logs.values())
    return (culprits[0] if culprits else None), finite


def is_finite(value: Any) -> bool:
    """Whether no number of a tensor is NaN or infinite; True for what holds no real numbers."""
    dtype = getattr(value, "dtype", None)
    if dtype is None or not keras.backend.is_float_dtype(keras.backend.standardize_dtype(dtype)):
        return True
    return bool(ops.all(ops.isfinite(value)))


@contextlib.contextmanager
def _watching(model: keras.Model) -> Iterator[list[Culprit]]:
    """Lists the operations that end with a NaN output, the innermost of the earliest first."""
    call = keras.Operation.__call__  # layers come here, too
    names = _attributes(model)
    around: list[str] = []
    culprits: list[Culprit] = []

    @functools.wraps(call)
    def watched(self: keras.Operation, *args: Any, **kwargs: Any) -> Any:
        around.append(names.get(id(self), self.name))
        try:
            outputs = call(self, *args, **kwargs)
            if not culprits and not _all_finite(outputs):
                culprits.append(Culprit("/".join(around), _all_finite((args, kwargs))))
            return outputs
        finally:
            around.pop()

    keras.Operation.__call__ = watched
    try:
        yield culprits
    finally:
        keras.Operation.__call__ = call


def _attributes(model: keras.Model) -> dict[int, str]:
    """What the model calls the networks that it was made of: "encoder" says more than "functional"."""
    arguments = inspect.signature(type(model).__init__).parameters
    return {id(getattr(model, name)): name for name in arguments if hasattr(model, name)}


def _all_finite(nested: Any) -> bool:
    return all(is_finite(leaf) for leaf in keras.tree.flatten(nested))
