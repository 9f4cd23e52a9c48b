"""The axes of a chart: from numbers to places in the picture, and the round numbers beside them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kgen.report.markup import Markup, tag


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


def epoch_axis(epochs: Sequence[int], start: float, end: float) -> Axis:
    """Gives the axis on which the epochs lie; a single one lies in the middle."""
    low, high = min(epochs), max(epochs)
    return Axis(low, high, start, end) if high > low else Axis(low - 0.5, high + 0.5, start, end)


def value_axis(values: Sequence[float], start: float, end: float) -> Axis:
    """Gives an axis with a margin around the values, also where they are all the same."""
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or 0.1 * abs(low) or 1.0
    return Axis(low - margin, high + margin, start, end)


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


def draw_axes(across: Axis, up: Axis) -> list[Markup]:
    """Draws the epochs below, and the values on the left with a faint line for each."""
    bottom = up.start
    parts = [tag("path", d=f"M{across.start} {bottom}H{across.end}", class_="axis")]
    for value in ticks(up.low, up.high, 6):
        y = up(value)
        parts.append(tag("path", d=f"M{across.start} {y}H{across.end}", class_="grid"))
        parts.append(tag("text", f"{value:g}", x=across.start - 6, y=y + 4, text_anchor="end"))
    for value in (v for v in ticks(across.low, across.high) if v == int(v)):
        x = across(value)
        parts.append(tag("path", d=f"M{x} {bottom}v4", class_="axis"))
        parts.append(tag("text", int(value), x=x, y=bottom + 17, text_anchor="middle"))
    middle = (across.start + across.end) / 2
    return [*parts, tag("text", "epoch", x=middle, y=bottom + 31, text_anchor="middle")]
