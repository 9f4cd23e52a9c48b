"""Metric curves as SVG, readable without colour: dashes, markers, and a label at each line's end.

The colours, in light and dark, are those of `page.css`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kgen.report.axes import Axis, draw_axes, epoch_axis, value_axis
from kgen.report.markup import Markup, tag

_WIDTH, _HEIGHT = 360, 214
_TOP, _BOTTOM, _LEFT, _RIGHT = 10, 180, 50, 346
_LETTER = 7  # width of a letter in a label
_LABEL_STEP = 15  # least distance of two labels
_MARKERS = 8  # on a line
_POINTS = 120  # of a line that tell their value under a pointer
_DASHES = (None, "6 3", "2 3", "9 3 2 3", "12 4", "4 2 1 2")
_SHAPES = (
    "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0z",  # circle
    "M-3-3h6v6h-6z",  # square
    "M0-4.2l4 7h-8z",  # triangle
    "M0-4.5l4 4.5l-4 4.5l-4-4.5z",  # diamond
    "M0 4.2l4-7h-8z",  # triangle on its tip
    "M-4-1.3h8v2.6h-8z",  # bar
)

STYLES = len(_DASHES)
"""How many lines look different."""


@dataclass(frozen=True)
class Curve:
    """A line of a chart."""

    label: str
    """Written at its end; empty: the chart has one line, and its title says what it is."""
    values: Mapping[int, float]
    """By epoch; NaN and infinity leave a gap."""
    style: int = 0
    """Which dashes, marker and colour, below `STYLES`."""

    @property
    def finite(self) -> dict[int, float]:
        """The values that can be drawn, by epoch in order."""
        return {e: v for e, v in sorted(self.values.items()) if math.isfinite(v)}


def chart(title: str, curves: Sequence[Curve]) -> Markup:
    """Draws the curves of one metric over the epochs, as a figure with its last values in words.

    Curves without a finite value are left out; raises ValueError where none has one.

    >>> "loss, epochs 1 to 2: from 3 to 1.5" in chart("loss", [Curve("", {1: 3.0, 2: 1.5})])
    True
    """
    curves = [curve for curve in curves if curve.finite]
    if not curves:
        raise ValueError(f"{title} has no finite value to draw")
    right = _RIGHT - _LETTER * max(len(curve.label) for curve in curves)
    across = epoch_axis([e for curve in curves for e in curve.finite], _LEFT, right)
    up = value_axis([v for curve in curves for v in curve.finite.values()], _BOTTOM, _TOP)
    drawing = tag(
        "svg",
        *draw_axes(across, up),
        tag("line", class_="now", y1=_TOP, y2=_BOTTOM),  # the page's script moves it
        *[_line(curve, across, up) for curve in curves],
        *_labels(curves, across, up),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=f"{title}, {'; '.join(map(_in_words, curves))}",
        data_x=json.dumps([across.low, across.high, across.start, across.end]),
    )
    caption = tag("figcaption", tag("b", title), *map(_value, curves))
    return tag("figure", caption, drawing, class_="chart")


def swatch(style: int) -> Markup:
    """Draws a piece of a line, for a legend."""
    line = tag("path", d="M2 7h36", stroke_dasharray=_DASHES[style])
    marker = _marker(20, 7, style)
    return tag("svg", line, marker, class_=f"swatch s{style}", viewBox="0 0 40 14", aria_hidden="true")


def _line(curve: Curve, across: Axis, up: Axis) -> Markup:
    """The line, its markers, and points that tell their value under a pointer."""
    points = list(curve.finite.items())
    marked = [_marker(across(e), up(v), curve.style) for e, v in _some(points, _MARKERS)]
    name = f"{curve.label}, " if curve.label else ""
    told = [
        tag("circle", tag("title", f"{name}epoch {e}: {v:.6g}"), cx=across(e), cy=up(v), r=7)
        for e, v in _some(points, _POINTS)
    ]
    line = tag("path", d=_path(curve, across, up), stroke_dasharray=_DASHES[curve.style])
    return tag("g", line, *marked, tag("g", *told, class_="points"), class_=f"s{curve.style}")


def _path(curve: Curve, across: Axis, up: Axis) -> str:
    steps, pen = [], "M"
    for epoch, value in sorted(curve.values.items()):
        if math.isfinite(value):
            steps.append(f"{pen}{across(epoch)} {up(value)}")
        pen = "L" if math.isfinite(value) else "M"  # a gap: lift the pen
    return "".join(steps)


def _labels(curves: Sequence[Curve], across: Axis, up: Axis) -> list[Markup]:
    """A label where each line ends, moved apart where lines end at about the same height."""
    ends = [(*list(curve.finite.items())[-1], curve) for curve in curves if curve.label]
    places: list[tuple[float, float, Curve]] = []
    for epoch, value, curve in sorted(ends, key=lambda end: -end[1]):
        above = places[-1][1] if places else -math.inf
        places.append((across(epoch) + 8, max(up(value) + 4, above + _LABEL_STEP), curve))
    overflow = max(0.0, places[-1][1] - _BOTTOM - 4) if places else 0.0
    return [
        tag("text", curve.label, x=x, y=round(y - overflow, 1), class_=f"label s{curve.style}")
        for x, y, curve in places
    ]


def _in_words(curve: Curve) -> str:
    name = f"{curve.label}, " if curve.label else ""
    epochs, values = list(curve.finite), list(curve.finite.values())
    return (
        f"{name}epochs {epochs[0]} to {epochs[-1]}: from {values[0]:.4g} to {values[-1]:.4g}, "
        f"lowest {min(values):.4g}, highest {max(values):.4g}"
    )


def _value(curve: Curve) -> Markup:
    """The last value; the page's script puts that of the chosen epoch in its place."""
    numbers = {epoch: f"{value:.4g}" for epoch, value in curve.finite.items()}
    number = tag("span", list(numbers.values())[-1], data_values=json.dumps(numbers))
    return tag(
        "span", f"{curve.label} " if curve.label else None, number, class_=f"value s{curve.style}"
    )


def _marker(x: float, y: float, style: int) -> Markup:
    return tag("path", d=_SHAPES[style], transform=f"translate({x} {y})", class_="marker")


def _some(points: Sequence[tuple[int, float]], most: int) -> list[tuple[int, float]]:
    """At most `most` of the points, evenly spaced, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    return [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]
