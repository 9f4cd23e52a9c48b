"""What the training doctor found in a run, and when the run was taken back."""

from collections.abc import Mapping
from typing import Any

from kgen.report.markup import Markup, join, tag
from kgen.report.read import RunRecord


def doctor_notes(record: RunRecord, head: str) -> Markup | None:
    """Gives the findings and the rewinds of a run by epoch; None where there are none.

    Args:
        record: the run.
        head: its name on the page.
    """
    told = [(finding["epoch"], _finding(finding)) for finding in record.findings]
    told += [(rewind["epoch"], _rewind(rewind)) for rewind in record.rewinds]
    if not told:
        return None
    lines = [tag("li", text) for _, text in sorted(told, key=lambda line: line[0])]
    return join(tag("p", tag("b", head)), tag("ul", *lines, class_="doctor"))


def _finding(finding: Mapping[str, Any]) -> Markup:
    return join(
        tag("b", f"Epoch {finding['epoch']}, {finding['check']}: "),
        f"{finding['saw']}. ",
        tag("span", f"It means: {finding['means']}. Try: {finding['advice']}.", class_="note"),
    )


def _rewind(rewind: Mapping[str, Any]) -> Markup:
    where = f"the end of epoch {rewind['to']}" if rewind["to"] else "the start"
    return join(
        tag("b", f"Epoch {rewind['epoch']}, rewind: "),
        f"back to {where}, with {rewind['factor']:g} times the learning rate. ",
        tag("span", f"It saw: {rewind['saw']}.", class_="note"),
    )
