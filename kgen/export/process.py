"""A model of another backend, handed to a process that runs Keras on TensorFlow."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

_SHOWN = 20  # lines of the other process's complaint; the cause is at the end


def write_in_tensorflow(model: keras.Model, directory: Path, format: str, jit_compile: bool) -> None:
    """Saves a model and has a TensorFlow process load it and write its endpoints.

    Keras fixes its backend when it is imported, so this process cannot do it.

    Args:
        model: a `GenerativeModel`.
        directory: an empty directory to write into.
        format: "tf_saved_model" or "onnx".
        jit_compile: as in `export`.

    Raises TypeError for a class that the process could not import, RuntimeError where it fails.
    """
    modules = _modules(model)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        model.save(file)
        job = {
            "file": str(file),
            "modules": modules,
            "directory": str(directory),
            "format": format,
            "jit_compile": jit_compile,
        }
        _run(job)


def _run(job: dict[str, Any]) -> None:
    environment = os.environ | {
        "KERAS_BACKEND": "tensorflow",
        # -P and this path together: the process imports what this one can, and nothing else.
        "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path),
        # Tracing needs no GPU, and TensorFlow would take all of its memory.
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    command = [sys.executable, "-P", "-m", "kgen.export.child", json.dumps(job)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        said = "\n".join(result.stderr.splitlines()[-_SHOWN:])
        raise RuntimeError(
            "the TensorFlow process that writes the export failed (exit status "
            f"{result.returncode}); it said:\n{said}"
        )


def _modules(model: keras.Model) -> list[str]:
    """The modules that define the model's classes and functions; TypeError for one out of reach."""
    if "<locals>" in type(model).__qualname__:
        raise TypeError(_out_of_reach(type(model).__name__, "inside a function"))
    defined = dict(_definitions(keras.saving.serialize_keras_object(model)))
    if None in defined:
        raise TypeError(_out_of_reach(defined[None], "in the script that is running"))
    return sorted(module for module in defined if module.split(".")[0] not in ("builtins", "keras"))


def _definitions(config: Any) -> Iterator[tuple[str | None, str]]:
    """Pairs of module and name, of everything in a serialised object.

    Keras writes the module None for what the script that is running defines.
    """
    if isinstance(config, dict):
        if {"module", "class_name", "registered_name"} <= config.keys():
            yield config["module"], _name(config)
        for value in config.values():
            yield from _definitions(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _definitions(value)


def _name(config: dict[str, Any]) -> str:
    function = config["class_name"] == "function"
    return str(config["config"] if function else config["class_name"])


def _out_of_reach(name: str, place: str) -> str:
    return (
        f"this export runs in a second process, on TensorFlow, which cannot import {name}: it is "
        f"defined {place}. Define it at the top level of a module, and import it from there"
    )
