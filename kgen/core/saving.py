"""A model as a file: its config, its weights, and files that are whole or not there at all."""

import copy
import inspect
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Self

import keras

_SEED = "seed_generator_"


class SavingMixin:
    """Saves and loads a `GenerativeModel` whole: config, weights and random states."""

    _given: frozenset[str] = frozenset()  # the names that `__init__` was called with

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Notes by which names the model is made: a subclass may pass on some as its `**kwargs`."""
        model = super().__new__(cls, *arguments, **options)
        object.__setattr__(model, "_given", frozenset(options))
        return model

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`, networks and other objects serialised.

        Those of a parent's `__init__` too, where the model was given them through `**kwargs`.
        """
        config = {"name": self.name, "dtype": keras.saving.serialize_keras_object(self.dtype_policy)}
        for name in _arguments(type(self), self._given):
            config[name] = keras.saving.serialize_keras_object(getattr(self, name))
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Rebuilds a model from its config, with fresh weights."""
        config = copy.deepcopy(config)  # Keras' deserialisation takes functional configs apart
        with keras.saving.custom_object_scope(custom_objects or {}):
            return cls(**{k: keras.saving.deserialize_keras_object(v) for k, v in config.items()})

    def get_build_config(self) -> None:
        """Nothing: `__init__` builds all."""
        return None

    def save(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Saves as `keras.Model.save` does, to a temporary name first: a full disk harms no file.

        Raises ValueError for an HDF5 file, and FileExistsError as `overwrite=False` asks.
        """
        if Path(filepath).suffix in (".h5", ".hdf5"):
            raise ValueError(
                f"expected a file that ends in .keras, got {filepath}: HDF5 files hold the weights of "
                "layers only, not objects such as losses and schedules (save_weights can write "
                "x.weights.h5)"
            )
        _save_atomically(super().save, filepath, overwrite, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Saves as `keras.Model.save_weights` does, to a temporary name first."""
        _save_atomically(super().save_weights, filepath, overwrite, **kwargs)

    def save_own_variables(self, store: Any) -> None:
        """Also writes the states of Keras' seed generators (Dropout's), which Keras leaves out."""
        super().save_own_variables(store)
        _save_seeds(self, store)

    def load_own_variables(self, store: Any) -> None:
        """Reads what `save_own_variables` wrote, on whatever backend that was."""
        super().load_own_variables(_load_seeds(self, store))

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        overwrite: bool = False,
        jit_compile: bool = True,
    ) -> None:
        """Writes the endpoints as a SavedModel or as ONNX; see `kgen.export.export`."""
        from kgen.export import export

        export(self, filepath, format, overwrite, jit_compile)


def _save_atomically(save: Callable[..., Any], filepath: Any, overwrite: bool, **kwargs: Any) -> None:
    """Calls a Keras save method with a temporary name beside `filepath`, then renames.

    A full disk, a kill or an exception leaves the old file as it was. Raises FileExistsError where
    the file exists and `overwrite` is False.
    """
    path = Path(filepath)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists: choose another name, or pass overwrite=True")
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        save(temporary, overwrite=True, **kwargs)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _save_seeds(model: keras.Model, store: Any) -> None:
    """Writes the state of every Keras SeedGenerator inside the model."""
    for index, state in enumerate(_seed_states(model)):
        store[f"{_SEED}{index}"] = keras.ops.convert_to_numpy(state).astype("int64")


def _load_seeds(model: keras.Model, store: Any) -> dict[str, Any]:
    """Restores the states that `_save_seeds` wrote; gives the rest of the store.

    A state is two words of 32 bits, unsigned on JAX, signed on torch, 64 bits wide on TensorFlow.
    """
    for index, state in enumerate(_seed_states(model)):
        words = store[f"{_SEED}{index}"][...].astype("uint32")
        state.assign(words.view("int32") if state.dtype == "int32" else words)
    return {key: store[key] for key in store.keys() if not key.startswith(_SEED)}  # noqa: SIM118


def _seed_states(model: keras.Model) -> list[keras.Variable]:
    return [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]


def _arguments(cls: type, given: Collection[str]) -> list[str]:
    """The arguments of a class by name, and those of its parents that were given through `**kwargs`."""
    makers = [c for c in cls.__mro__ if "__init__" in c.__dict__ and issubclass(c, SavingMixin)]
    own = _named(makers[0])
    passed = [name for parent in makers[1:] for name in _named(parent) if name in given]
    return list(dict.fromkeys([*own, *passed]))


def _named(cls: type) -> list[str]:
    """The arguments of a class's own `__init__`, but for `self`, `*` and `**`."""
    _, *parameters = inspect.signature(cls.__init__).parameters.values()
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [parameter.name for parameter in parameters if parameter.kind not in kinds]
