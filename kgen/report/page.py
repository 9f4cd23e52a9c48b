"""Puts the page together: one HTML file that needs nothing else, neither network nor server."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kgen import __version__
from kgen.errors import UserError
from kgen.metrics.card import Card
from kgen.report.curves import STYLES, Curve, chart
from kgen.report.read import RunRecord, check_comparable, read_run
from kgen.report.templates import TEMPLATES
from kgen.runs.files import explain, replacing
from kgen.runs.model_pictures import pictures_of

_CAPTIONS = {
    "reconstructions": "Test images, and below each row of them the row of their reconstructions.",
    "interpolation": "Walks between pairs of latents, one walk a row.",
    "neighbours": "Samples in the first column, each followed by the training images nearest to it. "
    "A sample that equals its neighbour was learned by heart.",
}


def write_report(
    runs: Sequence[str | os.PathLike[str]], out: str | os.PathLike[str] | None = None
) -> Path:
    """Writes one HTML page about a run, or about several runs side by side.

    Args:
        runs: one to six run directories, of one data set.
        out: ends in .html; None: `RUN/report.html` for one run, `report.html` for several.

    Pictures that only the model can make are made first, see `pictures_of`. The file takes its name
    once it is whole. Returns its path.

    Raises UserError where a directory is no run, a file of it is damaged, the runs are of different
    data sets, or the page cannot be written.
    """
    records = [read_run(path) for path in runs]
    if not 1 <= len(records) <= STYLES:
        raise UserError(f"a report shows 1 to {STYLES} runs side by side, got {len(records)}")
    check_comparable(records)
    out = Path(out or (records[0].path / "report.html" if len(records) == 1 else "report.html"))
    if out.suffix != ".html":
        raise UserError(f"--out {out}: expected a name that ends in .html")
    for record in records:
        pictures_of(record.path)
    with explain(f"cannot write {out}"), replacing(out) as file:
        file.write(render(records))
    return out


def render(records: Sequence[RunRecord]) -> str:
    """Gives the page as HTML."""
    labels = [chr(ord("A") + i) if len(records) > 1 else "" for i in range(len(records))]
    found = {kind for record in records for kind in record.pictures}
    kinds = [*_CAPTIONS, *sorted(found - _CAPTIONS.keys())]
    return TEMPLATES.get_template("page.html").render(
        runs={f"{label} {run.name}".strip(): run for label, run in zip(labels, records, strict=True)},
        epochs=sorted({epoch for record in records for epoch in record.epochs}),
        charts=_charts(records, labels),
        cards=_card_rows([record.cards for record in records]),
        captions={kind: _CAPTIONS.get(kind) for kind in kinds if kind in found},
        configuration=_option_rows([record.config for record in records]),
        environment=_option_rows([_environment(record) for record in records]),
        version=__version__,
    )


def _charts(records: Sequence[RunRecord], labels: Sequence[str]) -> list[str]:
    """Draws, of one run, a metric and its validation; of several, a metric of all of them."""
    charts: dict[str, list[Curve]] = {}
    for index, record in enumerate(records):
        for name, values in record.metrics.items():
            stem = name.removeprefix("val_")
            paired = len(records) == 1 and {stem, f"val_{stem}"} <= record.metrics.keys()
            curve = Curve(labels[index], values, index)
            if paired:
                curve = Curve("training", values) if name == stem else Curve("validation", values, 1)
            if curve.finite:
                charts.setdefault(stem if paired else name, []).append(curve)
    return [chart(title, curves) for title, curves in charts.items()]


def _option_rows(columns: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """The values of each name in words, one a run; a name may be missing from some."""
    names = dict.fromkeys(name for column in columns for name in column)
    return {name: [_written(column.get(name, "–")) for column in columns] for name in names}


def _environment(record: RunRecord) -> dict[str, Any]:
    """A run's environment with its versions among the other values."""
    versions = record.env.get("versions")
    rest = {name: value for name, value in record.env.items() if name != "versions"}
    return {**rest, **(versions if isinstance(versions, dict) else {})}


def _card_rows(runs: Sequence[Sequence[Card]]) -> list[list[Card | None]]:
    """Numbers share a row only where they were measured the same way."""
    found = [{_way(card): card for card in cards} for cards in runs]
    ways = dict.fromkeys(way for cards in found for way in cards)
    return [[cards.get(way) for cards in found] for way in ways]


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _way(card: Card) -> tuple[Any, ...]:
    """What two numbers must share to be compared."""
    return (
        *(card.metric, card.unit, card.estimate, card.samples, card.reference, card.resize),
        *(card.features, card.features_sha256, card.data, card.data_sha256),
    )
