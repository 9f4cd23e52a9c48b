"""The tables of a report: one column a run."""

import json
from collections.abc import Sequence
from typing import Any

from kgen.metrics.card import Card, format_value
from kgen.report.markup import Markup, join, tag
from kgen.report.read import RunRecord

_HASH = 12  # characters shown of a sha256


def options_table(title: str, heads: Sequence[str], columns: Sequence[dict[str, Any]]) -> Markup:
    """Gives a table of names and values; a row whose values differ is marked, in words too.

    Args:
        title: what the rows are, as "Option".
        heads: of the columns, one a run.
        columns: names and values of each run; a name may be missing from some.
    """
    rows = []
    for name in dict.fromkeys(name for column in columns for name in column):
        values = [_written(column[name]) if name in column else "–" for column in columns]
        differs = len(set(values)) > 1
        head = tag("th", name, tag("span", "differs", class_="mark") if differs else None, scope="row")
        cells = [tag("td", value) for value in values]
        rows.append(tag("tr", head, *cells, class_="differs" if differs else None))
    return _table(title, heads, rows, "options")


def environment(record: RunRecord) -> dict[str, Any]:
    """Gives a run's environment with its versions among the other values."""
    versions = record.env.get("versions")
    rest = {name: value for name, value in record.env.items() if name != "versions"}
    return {**rest, **(versions if isinstance(versions, dict) else {})}


def cards_table(heads: Sequence[str], runs: Sequence[Sequence[Card]]) -> Markup:
    """Gives a table of cards. Numbers share a row only where they were measured the same way.

    Args:
        heads: of the columns, one a run.
        runs: the cards of each run.
    """
    found = [{_way(card): card for card in cards} for cards in runs]
    rows = []
    for way in dict.fromkeys(way for cards in found for way in cards):
        first = next(cards[way] for cards in found if way in cards)
        cells = [tag("td", _measured(cards[way]) if way in cards else "–") for cards in found]
        rows.append(
            tag("tr", tag("th", tag("b", _breakable(first.metric)), _how(first), scope="row"), *cells)
        )
    return _table("Metric", heads, rows, "cards")


def _table(title: str, heads: Sequence[str], rows: Sequence[Markup], kind: str) -> Markup:
    """A table that scrolls by itself where it is wider than the page."""
    head = tag("tr", *[tag("th", name, scope="col") for name in (title, *heads)])
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_=kind)
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=f"Table: {title}")


def _breakable(name: str) -> Markup:
    """A name that may go on in the next line after an underscore."""
    return join(*_between(name.replace("_", "_ ").split(), tag("wbr")))


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _way(card: Card) -> tuple[Any, ...]:
    """What two numbers must share to be compared."""
    return (
        *(card.metric, card.unit, card.estimate, card.samples, card.reference, card.resize),
        *(card.features, card.features_sha256, card.data, card.data_sha256),
    )


def _how(card: Card) -> Markup:
    better = {True: "higher is better", False: "lower is better", None: None}[card.higher_is_better]
    against = f" against {card.reference}" if card.reference is not None else ""
    facts = [
        better,
        card.estimate if card.estimate != "sample" else None,
        f"n = {card.samples}{against}",
        _source("features", card.features, card.features_sha256),
        f"resize {card.resize}" if card.resize else None,
        _source("data", card.data, card.data_sha256),
    ]
    return _small(facts)


def _source(what: str, name: str | None, sha256: str | None) -> Markup | None:
    if not name:
        return None
    short = tag("code", sha256[:_HASH], title=f"sha256 {sha256}") if sha256 else None
    return join(f"{what} {name}", " " if short else None, short)


def _measured(card: Card) -> Markup:
    """A number with its uncertainty, and what was particular to measuring it."""
    unit = f" {card.unit}" if card.unit else None
    limits = [("floor", card.floor), ("ceiling", card.ceiling)]
    facts = [
        f"95 %: {card.interval[0]:.4g} to {card.interval[1]:.4g}" if card.interval else None,
        card.method or None,
        *[f"{name} {value:.4g}" for name, value in limits if value is not None],
        f"seed {card.seed}" if card.seed is not None else None,
        f"kgen {card.kgen_version}",
    ]
    notes = [tag("div", f"Note: {note}", class_="note") for note in card.notes]
    return join(tag("span", format_value(card), unit, class_="number"), _small(facts), *notes)


def _small(facts: Sequence[object]) -> Markup:
    given = [tag("span", fact) for fact in facts if fact is not None]
    return tag("div", *_between(given, " · "), class_="how")


def _between(parts: Sequence[object], separator: object) -> list[object]:
    return [piece for part in parts for piece in (separator, part)][1:]
