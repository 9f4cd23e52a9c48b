"""Writes down the calls that tests make of kgen's functions: what an oracle holds on one backend.

Only the outermost call counts, the one that a test itself makes. The other backends repeat it
(`test_replay.py`), so that each oracle holds there too.
"""

import functools
import importlib
import inspect
import pickle
import pkgutil
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import keras
from entry import Entry, as_tensor, flatten, is_tensor, pack

import kgen

ROOMS = (
    *("autoregressive", "diffusion", "distributions", "flow", "gan", "layers", "networks"),
    *("numerics", "random", "vae"),
)
DERIVATIVES = ("divergence", "fori_loop", "gradient", "jvp", "vjp", "while_loop")
# Of one function in one test: later calls are the steps of a loop that the test makes.
EACH = 2
LARGEST = 2_000_000  # bytes
# What tests call of objects beside their mathematics.
NOT_MATHS = {"get_config", "from_config", "build", "add_weight", "get_build_config", "fit", "track"}


class Recorder:
    """Listens to the calls of the test that is running."""

    def __init__(self) -> None:
        self.test: str | None = None
        self.inside = False
        self.entries: list[Entry] = []
        self.seen: set[Any] = set()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.left_out: Counter[str] = Counter()

    def wrap(self, function: Callable, name: str, method: bool) -> Callable:
        """The same function, which is written down when a test calls it."""

        @functools.wraps(function)
        def recorded(*arguments: Any, **options: Any) -> Any:
            if self.test is None or self.inside:
                return function(*arguments, **options)
            self.inside = True
            try:
                return self.call(function, name, method, arguments, options)
            finally:
                self.inside = False

        return recorded

    def call(self, function: Callable, name: str, method: bool, arguments: tuple, options: dict) -> Any:
        entry = self.packed(name, method, arguments, options)
        result = function(*arguments, **options)
        if entry is not None and any(is_tensor(leaf) for leaf in flatten(result)):
            leaves = [keras.ops.convert_to_numpy(as_tensor(leaf)) for leaf in flatten(result)]
            if len(pickle.dumps(leaves)) < LARGEST:
                entry.output = leaves
                self.entries.append(entry)
                self.counts[self.test, name] += 1
        return result

    def packed(self, name: str, method: bool, arguments: tuple, options: dict) -> Entry | None:
        if self.counts[self.test, name] >= EACH or _symbolic((arguments, options)):
            return None
        caller = _Method(name.rsplit(".", 1)[1]) if method else _Function(name)
        if any(not layer.built for layer in arguments[:1] if isinstance(layer, keras.Layer)):
            self.left_out["a layer without weights"] += 1
            return None
        try:
            entry = pack(name, self.test, caller, arguments, options)
        except Exception as error:  # inside of a trace, or of no config
            self.left_out[f"{name}: {type(error).__name__}: {error}"[:150]] += 1
            return None
        key = (entry.call, *(t.tobytes() for t in entry.tensors), *entry.layers)
        if key in self.seen or len(entry.call) + sum(t.nbytes for t in entry.tensors) > LARGEST:
            return None
        self.seen.add(key)
        return entry

    def install(self) -> None:
        """Wraps the public functions and methods of the rooms, before any test imports them."""
        originals: dict[int, Callable] = {}
        for module in _modules():
            for name, value in list(vars(module).items()):
                if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
                    continue
                if isinstance(value, FunctionType):
                    originals[id(value)] = self.wrap(value, f"{module.__name__}.{name}", method=False)
                elif inspect.isclass(value):
                    self.wrap_class(value)
        for name in DERIVATIVES:
            value = getattr(kgen.backend, name)
            originals[id(value)] = self.wrap(value, f"kgen.backend.{name}", method=False)
        for module in [m for n, m in sys.modules.items() if n.split(".")[0] == "kgen"]:
            if hasattr(module, "__path__") or module.__name__.split(".")[1] in ROOMS:
                for name, value in list(vars(module).items()):
                    if id(value) in originals and not name.startswith("_"):
                        setattr(module, name, originals[id(value)])
        call = keras.layers.Layer.__call__
        recorded = self.wrap(call, "keras.Layer.__call__", method=True)

        @functools.wraps(call)
        def only_kgen(layer: keras.Layer, *arguments: Any, **options: Any) -> Any:
            ours = type(layer).__module__.startswith("kgen.") or isinstance(layer, keras.Model)
            return (recorded if ours else call)(layer, *arguments, **options)

        keras.layers.Layer.__call__ = only_kgen

    def wrap_class(self, cls: type) -> None:
        if issubclass(cls, keras.Model):
            return  # models are held by their records
        for name, value in list(vars(cls).items()):
            if isinstance(value, FunctionType) and not name.startswith("_") and name not in NOT_MATHS:
                if name == "call" and issubclass(cls, keras.Layer):
                    continue  # by way of __call__
                setattr(cls, name, self.wrap(value, f"{cls.__module__}.{cls.__name__}.{name}", True))

    def save(self, path: Path) -> None:
        """Writes the entries whose layers can be loaded: after the tests, some of which count calls."""
        loads = functools.cache(_loads)
        with warnings.catch_warnings(action="ignore"):
            kept = [entry for entry in self.entries if all(map(loads, entry.layers))]
        self.left_out["a layer that its config cannot make"] += len(self.entries) - len(kept)
        self.entries = kept
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            pickle.dump(self.entries, file)


class _Function:
    """A function of kgen by its name: another process finds its own."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        module, name = self.name.rsplit(".", 1)
        return getattr(importlib.import_module(module), name)(*arguments, **options)


class _Method:
    """A method by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, owner: Any, *arguments: Any, **options: Any) -> Any:
        return getattr(owner, self.name)(*arguments, **options)


def _modules() -> Iterator[ModuleType]:
    for room in ROOMS:
        module = importlib.import_module(f"kgen.{room}")
        yield module
        for found in pkgutil.walk_packages(getattr(module, "__path__", []), f"{module.__name__}."):
            yield importlib.import_module(found.name)


def _loads(layer: bytes) -> bool:
    try:
        pickle.loads(layer)
    except Exception:  # whatever a class makes of a config that is not its own
        return False
    return True


def _symbolic(value: Any) -> bool:
    """Whether a call builds a network, or traces a program, in place of computing numbers."""
    return any(isinstance(leaf, keras.KerasTensor) for leaf in keras.tree.flatten(value))
