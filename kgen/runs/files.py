"""Reads and checks the files of a run directory; see `kgen.runs.run` for what they hold.

Importing this module loads no Keras.
"""

import contextlib
import csv
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kgen.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from kgen.core import GenerativeModel

STATE = "model.keras"
PICTURES = "pictures"
"""The folder of a run for pictures made from its model."""
_SHELL = {"config.json", "env.json", "samples"}  # what a run writes before its first epoch


def load_model(path: str | os.PathLike[str]) -> "GenerativeModel":
    """Loads the model of a run as it was after its last finished epoch, in Keras' safe mode.

    Any backend loads what another one saved. Raises UserError where `path` is no run, no epoch is
    finished, or the file is damaged.
    """
    import keras

    check_state(path)
    return keras.saving.load_model(Path(path) / STATE, safe_mode=True)


def check_state(path: str | os.PathLike[str]) -> None:
    """Reads a run's `model.keras` through; raises UserError where it is missing or damaged."""
    file = Path(path) / STATE
    read_config(path)
    if not file.exists():
        raise UserError(f"{path} has no finished epoch yet: go on training with --resume")
    try:
        with zipfile.ZipFile(file) as archive:
            bad = archive.testzip()
            trouble = f"its part {bad} is corrupt" if bad else None
            epoch = _epoch(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        trouble = str(error)
    else:
        if trouble is None and epoch is None:
            trouble = "it was not written by a run: it does not say after which epoch it was saved"
    if trouble:
        raise UserError(
            f"{file} is damaged ({trouble}): put a copy back, or remove {path} and train again"
        )


def finished_epochs(path: str | os.PathLike[str]) -> int:
    """Gives the number of epochs that a run has finished; 0 where there is no readable state."""
    try:
        with zipfile.ZipFile(Path(path) / STATE) as archive:
            return _epoch(archive) or 0
    except (OSError, zipfile.BadZipFile):
        return 0


def is_run(path: str | os.PathLike[str]) -> bool:
    """Says whether a directory holds a run."""
    return (Path(path) / "config.json").is_file() and (Path(path) / "env.json").is_file()


@contextlib.contextmanager
def leaving_no_shell(path: Path) -> Iterator[None]:
    """Removes what a new run wrote before its first epoch, where that ends in an error.

    A mistake in the options can then be mended in the same command. A run that wrote more, such as
    what the doctor found, stays, and so does a directory that was there before.
    """
    new = not path.exists()
    try:
        yield
    except BaseException:
        if new and is_run(path) and {file.name for file in path.rglob("*")} == _SHELL:
            shutil.rmtree(path)
        raise


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Gives a run's `config.json`: the recipe's name and its options. Raises UserError."""
    return _read_json(Path(path), "config.json")


def read_env(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Gives a run's `env.json`: backend, versions, seed, git commit and cores. Raises UserError."""
    return _read_json(Path(path), "env.json")


def read_metrics(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """Gives the rows of a run's `metrics.csv`; none where no epoch is finished."""
    file = Path(path) / "metrics.csv"
    if not file.exists():
        return []
    with open(file, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def cores() -> int:
    """Counts the processor cores that this process may use.

    >>> cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):  # not everywhere; knows of taskset and of containers' CPU sets
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file, whole or not at all."""
    with replacing(path) as file:
        json.dump(content, file, indent=2)
        file.write("\n")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Any]:
    """Opens a text file that takes its name only once it is whole."""
    temporary = path.with_name(f".{path.name}")
    try:
        with open(temporary, "w", newline="", encoding="utf-8") as file:
            yield file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def explain(what: str, consequence: Callable[[], str] | None = None) -> Iterator[None]:
    """Turns trouble with the disk into a message."""
    try:
        yield
    except OSError as error:
        rest = f"; {consequence()}" if consequence else ""
        raise UserError(f"{what}: {error.strerror or error}{rest}") from error


def _epoch(archive: zipfile.ZipFile) -> int | None:
    try:
        return int(json.loads(archive.comment)["epoch"])
    except (ValueError, TypeError, KeyError):  # no comment, or somebody else's
        return None


def _read_json(path: Path, name: str) -> dict[str, Any]:
    if not is_run(path):
        siblings = path.parent.glob("*") if path.parent.is_dir() else ()
        runs = [str(sibling) for sibling in siblings if is_run(sibling)]
        hint = f": {did_you_mean(str(path), runs)}" if runs else ""
        raise UserError(f"{path} is not a run, it has no config.json and env.json{hint}")
    try:
        return json.loads((path / name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path / name} is damaged ({error}): put a copy back") from error
