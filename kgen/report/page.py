"""Puts the page together: one HTML file that needs nothing else, neither network nor server."""

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from string import Template

from kgen import __version__
from kgen.errors import UserError
from kgen.report.curves import STYLES, Curve, chart, swatch
from kgen.report.doctor import doctor_notes
from kgen.report.images import image, spread_epochs
from kgen.report.markup import Markup, join, tag
from kgen.report.read import RunRecord, check_comparable, read_run
from kgen.report.tables import cards_table, environment, options_table
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
    style, script = _asset("page.css"), _asset("page.js")
    # The policy forbids every address, and every script and style but these two.
    policy = (
        f"default-src 'none'; img-src data:; style-src {_digest(style)}; script-src {_digest(script)}"
    )
    parts = {"title": tag("title", _title(records)), "policy": policy, "body": _body(records)}
    return Template(_asset("page.html")).substitute(parts, style=style, script=script)


def _body(records: Sequence[RunRecord]) -> Markup:
    heads = [_head(records, index) for index in range(len(records))]
    names = ["Value"] if len(records) == 1 else heads
    return join(
        tag("header", tag("h1", _title(records)), tag("ul", *_summaries(records), class_="runs")),
        tag("main", *_sections(records, heads, names)),
        tag("footer", tag("p", f"Made by kgen {__version__}.")),
    )


def _sections(records: Sequence[RunRecord], heads: list[str], names: list[str]) -> list[Markup]:
    arrange = _beside if len(records) == 1 else join
    configs = [record.config for record in records]
    environments = [environment(record) for record in records]
    notes = [note for note in map(doctor_notes, records, heads) if note]
    return [
        tag("section", _slider(records), arrange(_samples(records, heads), _curves(records))),
        *([_section("Training doctor", *notes)] if notes else []),
        _section("Evaluation", _cards(records, names)),
        arrange(*_pictures(records, heads)),
        arrange(
            _section("Configuration", options_table("Option", names, configs)),
            _section("Environment", options_table("What", names, environments)),
        ),
    ]


def _section(title: str, *content: Markup) -> Markup:
    return tag("section", tag("h2", title), *content)


def _beside(*parts: Markup) -> Markup:
    """One run leaves room for parts side by side, where the page is wide enough."""
    return tag("div", *parts, class_="beside")


def _title(records: Sequence[RunRecord]) -> str:
    data = records[0].config.get("data")
    if len(records) > 1:
        return f"{len(records)} runs on {data}"
    return f"{records[0].config.get('recipe')} on {data}"


def _label(records: Sequence[RunRecord], index: int) -> str:
    """The letter of a run; none where there is only one."""
    return chr(ord("A") + index) if len(records) > 1 else ""


def _head(records: Sequence[RunRecord], index: int) -> str:
    return f"{_label(records, index)} {records[index].name}".strip()


def _summaries(records: Sequence[RunRecord]) -> list[Markup]:
    lines = []
    for index, record in enumerate(records):
        seconds = sum(record.metrics.get("seconds", {}).values())
        facts = [
            f"{record.epochs[-1] if record.epochs else 0} of {record.config.get('epochs')} epochs",
            f"{seconds:.0f} s of training" if seconds else None,
            f"{record.env.get('backend')}",
            f"seed {record.env.get('seed')}",
        ]
        text = " · ".join(fact for fact in facts if fact)
        drawn = swatch(index) if len(records) > 1 else None
        lines.append(tag("li", drawn, tag("b", _head(records, index)), " ", tag("span", text)))
    return lines


def _slider(records: Sequence[RunRecord]) -> Markup | None:
    """Nothing to slide through where there is a single epoch."""
    epochs = sorted({epoch for record in records for epoch in record.epochs})
    if len(epochs) < 2:
        return None
    last = len(epochs) - 1
    slider = tag(
        "input",
        type="range",
        id="epoch",
        min=0,
        max=last,
        value=last,
        data_epochs=epochs,
        aria_valuetext=f"epoch {epochs[-1]}",
    )
    number = tag("output", epochs[-1], for_="epoch")
    return tag("div", tag("label", "Epoch", for_="epoch"), slider, number, class_="slider", hidden=True)


def _samples(records: Sequence[RunRecord], heads: list[str]) -> Markup:
    figures = []
    for record, head in zip(records, heads, strict=True):
        samples = spread_epochs(record.samples)
        pictures = [
            image(file, f"Samples of {head} after epoch {e}", data_epoch=e, hidden=e != max(samples))
            for e, file in samples.items()
        ]
        at = tag("span", _shown(record, samples), class_="at")
        caption = tag("figcaption", tag("b", head), " ", at, _left_out(record, samples))
        figures.append(tag("figure", caption, *pictures, class_="samples"))
    return tag("div", tag("h2", "Samples"), tag("div", *figures, class_="figures"))


def _shown(record: RunRecord, samples: dict[int, Path]) -> str:
    return f"epoch {max(samples)}" if samples else "has no samples yet"


def _left_out(record: RunRecord, samples: dict[int, Path]) -> Markup | None:
    if len(samples) == len(record.samples):
        return None
    return tag("span", f" (pictures of {len(samples)} of {len(record.samples)} epochs)", class_="note")


def _curves(records: Sequence[RunRecord]) -> Markup:
    charts = [chart(title, curves) for title, curves in _charts(records).items()]
    note = tag("p", "No epoch is finished yet.", class_="note") if not charts else None
    return tag(
        "div", tag("h2", "Metrics"), note, tag("div", *charts, class_="charts"), class_="metrics"
    )


def _charts(records: Sequence[RunRecord]) -> dict[str, list[Curve]]:
    """By title: of one run, a metric and its validation; of several, a metric of all of them."""
    charts: dict[str, list[Curve]] = {}
    for index, record in enumerate(records):
        for name, values in record.metrics.items():
            stem = name.removeprefix("val_")
            paired = len(records) == 1 and {stem, f"val_{stem}"} <= record.metrics.keys()
            curve = Curve(_label(records, index), values, index)
            if paired:
                curve = Curve("training", values) if name == stem else Curve("validation", values, 1)
            charts.setdefault(stem if paired else name, []).append(curve)
    return {title: curves for title, curves in charts.items() if any(curve.finite for curve in curves)}


def _cards(records: Sequence[RunRecord], names: list[str]) -> Markup:
    if not any(record.cards for record in records):
        return tag("p", "Not evaluated yet: kgen evaluate measures a run.", class_="note")
    return cards_table(names, [record.cards for record in records])


def _pictures(records: Sequence[RunRecord], heads: list[str]) -> list[Markup]:
    sections = []
    found = {kind for record in records for kind in record.pictures}
    for kind in [*(kind for kind in _CAPTIONS if kind in found), *sorted(found - _CAPTIONS.keys())]:
        figures = [
            tag(
                "figure",
                tag("figcaption", tag("b", head)),
                image(record.pictures[kind], f"{kind} of {head}"),
            )
            for record, head in zip(records, heads, strict=True)
            if kind in record.pictures
        ]
        caption = tag("p", _CAPTIONS[kind]) if kind in _CAPTIONS else None
        sections.append(_section(kind.capitalize(), caption, tag("div", *figures, class_="figures")))
    return sections


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
