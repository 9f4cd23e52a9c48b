"""Endpoints: a model's tensor functions that also take NumPy, run compiled, and are exported."""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from kgen import backend
from kgen.backend import Tensor
from kgen.core.check import check_examples


def seeds() -> dict[str, keras.InputSpec]:
    """Returns the input of an endpoint that draws: keys of `kgen.random`, one an example."""
    return {"seed": keras.InputSpec(dtype="int32", shape=(None, 2))}


class endpoint:  # noqa: N801 - a decorator
    """Makes a method of a `GenerativeModel` an endpoint.

    The method is a pure function of tensors whose first axis is the batch; each example by itself.

    - Called with backend tensors it is just that method: use it inside a loss or another model.
    - Called with NumPy arrays (or lists) it is compiled once, runs in batches of `batch_size`, and
      gives NumPy arrays.
    - An array of examples, the parameter `x`, is looked at first: its type, its shape, NaN.
    - `export` writes every method that the model's `endpoints` lists into a SavedModel.

    Keyword-only parameters of the method are Python values that choose the program.
    """

    def __init__(self, method: Callable[..., Any]) -> None:
        self.method = method
        self.takes_examples = list(inspect.signature(method).parameters)[1] == "x"
        functools.update_wrapper(self, method)

    def __get__(self, model: Any, owner: type | None = None) -> Any:
        """Binds the endpoint to a model."""
        if model is None:
            return self
        return functools.wraps(self.method)(functools.partial(self._call, model))

    def _call(self, model: Any, *arrays: Any, batch_size: int = 256, **options: Any) -> Any:
        if not all(isinstance(array, np.ndarray | list) for array in arrays):
            return self.method(model, *arrays, **options)
        if batch_size < 1:
            raise ValueError(f"expected batch_size >= 1, got {batch_size}")
        arrays = [_standardize(array) for array in arrays]
        if self.takes_examples:
            spec = model.endpoints.get(self.method.__name__, {}).get("x")
            shape = model.data_shape if spec is None else spec.shape[1:]
            check_examples(arrays[0], shape, model.integers, model.data_range)
        program = _program(model, self.method, options)
        results = [
            keras.tree.map_structure(lambda t: ops.convert_to_numpy(t)[:n], program(*batch))  # noqa: B023
            for n, batch in _batches(arrays, batch_size)
        ]
        return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *results)


def _program(model: Any, method: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    """Compiles a method for these options, once; brings the weights up to date."""
    backend.synchronize(model)
    fn = functools.partial(method, model, **options)
    if model.run_eagerly:
        return backend.compile_program(fn, model.variables, jit=False)
    key = (method.__name__, *sorted(options.items()))
    if key not in model.programs:
        jit = not model.compiled or bool(model.jit_compile)
        model.programs[key] = backend.compile_program(fn, model.variables, jit)
    return model.programs[key]


def _batches(arrays: list[np.ndarray], size: int) -> Iterator[tuple[int, list[Tensor]]]:
    """Cuts arrays into batches; fills the last one up, so that no second shape is compiled."""
    total = len(arrays[0])
    if any(len(array) != total for array in arrays):
        lengths = [len(array) for array in arrays]
        raise ValueError(f"expected arrays of one length, got {lengths}")
    if total == 0:
        raise ValueError("expected at least one example, got an empty array")
    for start in range(0, total, size):
        batch = [array[start : start + size] for array in arrays]
        n = len(batch[0])
        if n < size < total:
            batch = [np.concatenate([a, np.repeat(a[-1:], size - n, axis=0)]) for a in batch]
        yield n, [ops.convert_to_tensor(array) for array in batch]  # arrays and tensors do not mix


def _standardize(array: Any) -> np.ndarray:
    array = np.asarray(array)
    return array.astype(keras.config.floatx()) if array.dtype == np.float64 else array
