"""`doctor.json` of a run: what the doctor found, and when the run was taken back.

    {"findings": [...], "rewinds": [...]}

Importing this module loads no Keras.
"""

import json
import os
from pathlib import Path
from typing import Any

from kgen.errors import UserError
from kgen.runs.files import write_json

NAME = "doctor.json"
_EMPTY: dict[str, list[dict[str, Any]]] = {"findings": [], "rewinds": []}


def read_doctor(path: str | os.PathLike[str]) -> dict[str, list[dict[str, Any]]]:
    """Gives the findings and the rewinds of a run; empty lists where there are none.

    A finding has the fields of `kgen.callbacks.Finding`, a rewind those of `kgen.runs.rewind.Rewind`.
    Raises UserError where the file is damaged.
    """
    file = Path(path) / NAME
    if not file.exists():
        return {key: [] for key in _EMPTY}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {key: list(content[key]) for key in _EMPTY}
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{file} is damaged ({error}): put a copy back, or remove it") from error


def write_doctor(path: str | os.PathLike[str], **lists: list[dict[str, Any]]) -> None:
    """Replaces the findings, or the rewinds, whole or not at all; the other list stays."""
    write_json(Path(path) / NAME, read_doctor(path) | lists)
