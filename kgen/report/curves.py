"""The metric curves of a run: what `chart.html` draws, in places and in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kgen.report.templates import TEMPLATES

STYLES = 6
"""How many lines look different."""

_TOP, _BOTTOM, _LEFT, _RIGHT = 10, 180, 50, 346
_LETTER = 7  # width of a letter in a label
_LABEL_STEP = 15  # least distance of two labels


@dataclass(frozen=True)
class Axis:
    """Maps numbers from low to high onto the picture from start to end.

    >>> Axis(0.0, 10.0, start=100.0, end=0.0)(2.5)
    75.0
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Gives the place of a number."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


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

    @property
    def numbers(self) -> dict[int, str]:
        """These values as they are written above a chart."""
        return {epoch: f"{value:.4g}" for epoch, value in self.finite.items()}

    @property
    def in_words(self) -> str:
        """What the line shows, for those who do not see it."""
        name = f"{self.label}, " if self.label else ""
        epochs, values = list(self.finite), list(self.finite.values())
        return (
            f"{name}epochs {epochs[0]} to {epochs[-1]}: from {values[0]:.4g} to {values[-1]:.4g}, "
            f"lowest {min(values):.4g}, highest {max(values):.4g}"
        )

    def path(self, across: Axis, up: Axis) -> str:
        """Gives the line as an SVG path."""
        steps, pen = [], "M"
        for epoch, value in sorted(self.values.items()):
            if math.isfinite(value):
                steps.append(f"{pen}{across(epoch)} {up(value)}")
            pen = "L" if math.isfinite(value) else "M"  # a gap: lift the pen
        return "".join(steps)


def chart(title: str, curves: Sequence[Curve]) -> str:
    """Draws the curves of one metric over the epochs, as a figure with its last values in words.

    Each curve has a finite value.

    >>> "loss, epochs 1 to 2: from 3 to 1.5" in chart("loss", [Curve("", {1: 3.0, 2: 1.5})])
    True
    """
    right = _RIGHT - _LETTER * max(len(curve.label) for curve in curves)
    across = _epoch_axis([e for curve in curves for e in curve.finite], _LEFT, right)
    up = _value_axis([v for curve in curves for v in curve.finite.values()], _BOTTOM, _TOP)
    epochs, values = ticks(across.low, across.high), ticks(up.low, up.high, 6)
    macros = TEMPLATES.get_template("chart.html").module
    return macros.chart(title, curves, across, up, epochs, values, _labels(curves, across, up))


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Gives up to `most` + 1 round numbers in [low, high], multiples of 1, 2 or 5 times a power of ten.

    >>> ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, 1 - math.floor(math.log10(step)))
    return [round(k * step, digits) for k in range(first, last + 1)]


def _epoch_axis(epochs: Sequence[int], start: float, end: float) -> Axis:
    """Gives the axis on which the epochs lie; a single one lies in the middle."""
    low, high = min(epochs), max(epochs)
    return Axis(low, high, start, end) if high > low else Axis(low - 0.5, high + 0.5, start, end)


def _value_axis(values: Sequence[float], start: float, end: float) -> Axis:
    """Gives an axis with a margin around the values, also where they are all the same."""
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or 0.1 * abs(low) or 1.0
    return Axis(low - margin, high + margin, start, end)


def _labels(curves: Sequence[Curve], across: Axis, up: Axis) -> list[tuple[float, float, Curve]]:
    """A place where each line ends, moved apart where lines end at about the same height."""
    ends = [(*list(curve.finite.items())[-1], curve) for curve in curves if curve.label]
    places: list[tuple[float, float, Curve]] = []
    for epoch, value, curve in sorted(ends, key=lambda end: -end[1]):
        above = places[-1][1] if places else -math.inf
        places.append((across(epoch) + 8, max(up(value) + 4, above + _LABEL_STEP), curve))
    overflow = max(0.0, places[-1][1] - _BOTTOM - 4) if places else 0.0
    return [(x, round(y - overflow, 1), curve) for x, y, curve in places]
