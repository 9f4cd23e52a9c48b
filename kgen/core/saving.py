"""Files that are whole or not there at all, and the random states that Keras does not save."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

_SEED = "seed_generator_"


def save_atomically(save: Callable[..., Any], filepath: Any, overwrite: bool, **kwargs: Any) -> None:
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


def save_seeds(model: keras.Model, store: Any) -> None:
    """Writes the state of every Keras SeedGenerator inside the model."""
    for index, state in enumerate(_seed_states(model)):
        store[f"{_SEED}{index}"] = keras.ops.convert_to_numpy(state).astype("int64")


def load_seeds(model: keras.Model, store: Any) -> dict[str, Any]:
    """Restores the states that `save_seeds` wrote; gives the rest of the store.

    A state is two words of 32 bits, unsigned on JAX, signed on torch, 64 bits wide on TensorFlow.
    """
    for index, state in enumerate(_seed_states(model)):
        words = store[f"{_SEED}{index}"][...].astype("uint32")
        state.assign(words.view("int32") if state.dtype == "int32" else words)
    return {key: store[key] for key in store.keys() if not key.startswith(_SEED)}  # noqa: SIM118


def _seed_states(model: keras.Model) -> list[keras.Variable]:
    return [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]
