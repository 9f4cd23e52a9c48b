"""The directory of an export: whole or not there at all, never in the place of something else."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def new_directory(filepath: str | os.PathLike[str], overwrite: bool) -> Iterator[Path]:
    """Gives an empty directory beside `filepath`, which takes its place when the block succeeds.

    An exception in the block leaves whatever was at `filepath`. Raises FileExistsError, before the
    block, where something is there and `overwrite` is False, or where it is not an export.
    """
    path = Path(filepath).resolve()
    _check_free(path, overwrite)
    temporary, old = (path.with_name(f".{os.getpid()}.{path.name}.{end}") for end in ("new", "old"))
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():  # a directory with files cannot be replaced in one step
            path.rename(old)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _check_free(path: Path, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise FileExistsError(f"{path} exists: choose another name, or pass overwrite=True")
    if not _is_export(path):  # overwrite=True must not delete a home directory
        raise FileExistsError(f"{path} is not an export: remove it, or choose another name")


def _is_export(path: Path) -> bool:
    if not path.is_dir():
        return False
    saved_model = (path / "saved_model.pb").is_file()
    return saved_model or all(entry.suffix == ".onnx" for entry in path.iterdir())
