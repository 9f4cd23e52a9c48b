"""One call of a function of kgen as bytes that another backend can read and repeat.

Tensors are kept apart as NumPy arrays and layers as what Keras saves of them, so that a replay can put
in tensors of its backend, those of a traced program too. Everything else is pickled.
"""

import importlib
import io
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle
import keras
import numpy as np
from keras import ops

HALF = ("float16", "bfloat16")


@dataclass
class Entry:
    """A call: `name` of the function, the test that made it, the packed call, and what it gave."""

    name: str
    test: str
    call: bytes
    tensors: list[np.ndarray]
    layers: list[bytes]
    half: bool
    output: list[Any] = field(default_factory=list)

    def load_layers(self) -> list[keras.Layer]:
        try:
            return [pickle.loads(data) for data in self.layers]
        except TypeError:  # a class of the test's own
            importlib.import_module(Path(self.test.split("::")[0]).stem)
            return [pickle.loads(data) for data in self.layers]

    def run(self, tensors: list[Any], layers: list[keras.Layer]) -> list[Any]:
        """Repeats the call on tensors of this backend; gives its outputs, flattened."""
        function, arguments, options = _Unpickler(self.call, tensors, layers).load()
        return [as_tensor(value) for value in flatten(function(*arguments, **options))]


def pack(name: str, test: str, function: Any, arguments: tuple, options: dict) -> Entry:
    """Makes an entry of a call that is about to be made. Raises where something cannot be pickled."""
    buffer = io.BytesIO()
    pickler = _Pickler(buffer)
    pickler.dump((function, arguments, options))
    half = pickler.half or keras.config.dtype_policy().compute_dtype in HALF
    return Entry(name, test, buffer.getvalue(), pickler.tensors, pickler.layers, half)


def flatten(value: Any) -> list[Any]:
    """The tensors and numbers inside a result: of tuples, dicts, and objects such as distributions."""
    if isinstance(value, dict):
        return [leaf for key in sorted(value, key=str) for leaf in flatten(value[key])]
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in flatten(item)]
    if isinstance(value, np.ndarray | float | int | np.generic) or is_tensor(value):
        return [value]
    if type(value).__module__.startswith("kgen.") and not isinstance(value, keras.Layer):
        return flatten(vars(value))
    return []


def is_tensor(value: Any) -> bool:
    return isinstance(value, keras.KerasTensor) or keras.ops.is_tensor(value)


def as_tensor(value: Any) -> Any:
    return value if is_tensor(value) else ops.convert_to_tensor(np.asarray(value))


class _Pickler(cloudpickle.Pickler):
    """Takes tensors and layers out of what it pickles."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.tensors: list[np.ndarray] = []
        self.layers: list[bytes] = []
        self.known: dict[int, tuple[str, int]] = {}
        self.kept: list[Any] = []  # alive, so that no other object takes its id
        self.half = False

    def persistent_id(self, value: Any) -> tuple[str, int] | None:
        if isinstance(value, keras.Variable):
            raise pickle.PicklingError("a variable by itself")
        if isinstance(value, keras.Layer):
            self.half |= any(layer.compute_dtype in HALF for layer in value._flatten_layers())
            return self._once(value, "layer", self.layers, pickle.dumps)
        if is_tensor(value):
            self.half |= keras.backend.standardize_dtype(value.dtype) in HALF
            return self._once(value, "tensor", self.tensors, ops.convert_to_numpy)
        return None

    def _once(self, value: Any, kind: str, store: list, convert: Any) -> tuple[str, int]:
        if id(value) not in self.known:
            store.append(convert(value))
            self.known[id(value)] = (kind, len(store) - 1)
            self.kept.append(value)
        return self.known[id(value)]


class _Unpickler(pickle.Unpickler):
    """Puts tensors and layers back."""

    def __init__(self, data: bytes, tensors: list[Any], layers: list[keras.Layer]) -> None:
        super().__init__(io.BytesIO(data))
        self.stores = {"tensor": tensors, "layer": layers}

    def persistent_load(self, pid: tuple[str, int]) -> Any:
        kind, index = pid
        return self.stores[kind][index]
