"""Reads a run for its report; whatever does not make sense is a `UserError` that names the file."""

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kgen.errors import UserError
from kgen.metrics.card import Card
from kgen.runs import doctor_file
from kgen.runs.files import PICTURES, explain, read_config, read_env, read_metrics

_DOCTOR = {
    "findings": {"check": str, "epoch": int, "saw": str, "means": str, "advice": str},
    "rewinds": {"epoch": int, "to": int, "factor": float, "saw": str},
}
"""What is shown of `doctor.json`."""


@dataclass(frozen=True)
class RunRecord:
    """What a run directory says, checked."""

    path: Path
    config: dict[str, Any]
    env: dict[str, Any]
    metrics: dict[str, dict[int, float]]
    """By name, then by epoch."""
    samples: dict[int, Path]
    """The picture of each epoch."""
    cards: tuple[Card, ...]
    findings: list[dict[str, Any]]
    """Of the doctor: the fields of `kgen.callbacks.Finding`."""
    rewinds: list[dict[str, Any]]
    """The fields of `kgen.runs.rewind.Rewind`."""

    @property
    def name(self) -> str:
        """The name of its directory."""
        return self.path.resolve().name

    @property
    def epochs(self) -> list[int]:
        """Those that left a number or a picture."""
        return sorted({*self.samples, *(epoch for series in self.metrics.values() for epoch in series)})

    @property
    def told(self) -> list[dict[str, Any]]:
        """What the doctor says: the findings and the rewinds by epoch."""
        return sorted([*self.findings, *self.rewinds], key=lambda told: told["epoch"])

    @property
    def pictures(self) -> dict[str, Path]:
        """The pictures made from the model, by name."""
        return {file.stem: file for file in sorted((self.path / PICTURES).glob("*.png"))}


def read_run(path: str | Path) -> RunRecord:
    """Reads a run directory.

    Metrics, samples, evaluation and the doctor's findings may be missing. Raises UserError where
    `path` is no run, or one of its files is damaged.
    """
    path = Path(path)
    with explain(f"cannot read the run {path}"):
        return RunRecord(
            path=path,
            config=_mapping(path / "config.json", read_config(path)),
            env=_mapping(path / "env.json", read_env(path)),
            metrics=_metrics(path),
            samples=_samples(path),
            cards=_cards(path / "evaluation.json"),
            **_doctor(path),
        )


def check_comparable(records: Sequence[RunRecord]) -> None:
    """Raises UserError where a run is given twice, or the runs are of different data sets."""
    paths = [record.path.resolve() for record in records]
    for record, path in zip(records, paths, strict=True):
        if paths.count(path) > 1:
            raise UserError(f"the run {record.path} is given twice: name each run once")
    if len({record.config.get("data") for record in records}) > 1:
        told = ", ".join(f"{record.path} on {record.config.get('data')}" for record in records)
        raise UserError(
            f"these runs are of different data sets, their numbers cannot be compared: {told}; make a "
            "report for each data set"
        )


def _mapping(file: Path, content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise _damaged(file, "expected names and values")
    return content


def _metrics(path: Path) -> dict[str, dict[int, float]]:
    file = path / "metrics.csv"
    try:
        rows = read_metrics(path)
        series: dict[str, dict[int, float]] = {}
        for row in rows:
            epoch = int(row.pop("epoch"))
            for name, value in row.items():
                if value != "":  # a metric that this epoch did not measure
                    series.setdefault(name, {})[epoch] = float(value)
    except (csv.Error, KeyError, TypeError, ValueError) as error:
        raise _damaged(file, f"not numbers in columns, of which one is epoch: {error}") from error
    return series


def _samples(path: Path) -> dict[int, Path]:
    found = (
        (re.fullmatch(r"epoch_(\d+)\.png", f.name), f) for f in sorted((path / "samples").glob("*"))
    )
    return {int(match[1]): file for match, file in found if match}


def _cards(file: Path) -> tuple[Card, ...]:
    if not file.exists():
        return ()
    try:
        cards = json.loads(file.read_text(encoding="utf-8"))["cards"]
        return tuple(Card.from_dict(card) for card in cards)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(file, f"no list of cards: {error}", "remove it, and evaluate again") from error


def _doctor(path: Path) -> dict[str, list[dict[str, Any]]]:
    content = doctor_file.read_doctor(path)
    for kind, fields in _DOCTOR.items():
        if not all(_has(entry, fields) for entry in content[kind]):
            trouble = f"expected {', '.join(fields)} in each of its {kind}"
            raise _damaged(path / doctor_file.NAME, trouble, "remove it")
    return content


def _has(entry: Any, fields: dict[str, type]) -> bool:
    if not isinstance(entry, dict):
        return False
    return all(isinstance(entry.get(name), type_) for name, type_ in fields.items())


def _damaged(file: Path, trouble: str, fix: str = "put a copy back") -> UserError:
    return UserError(f"{file} is damaged ({trouble}): {fix}")
