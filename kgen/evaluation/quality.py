"""How good samples are for how many network calls: a table and a picture."""

from os import PathLike
from pathlib import Path

from kgen.metrics import Card, format_value


class Quality:
    """Collects a number for each method and number of network evaluations.

    Args:
        metric: what the numbers are, for the picture.
        floor: the value of real data; None: it is not shown.

    >>> quality = Quality("distance")
    >>> quality.add("teacher", 2, Card(metric="m", value=0.5, error=0.1))
    >>> print(quality)
    | method | 2 |
    |---|---|
    | teacher | 0.50 ± 0.10 |
    """

    def __init__(self, metric: str, floor: Card | None = None) -> None:
        self.metric = metric
        self.floor = floor
        self.cards: dict[str, dict[int, Card]] = {}

    def add(self, method: str, evaluations: int, card: Card) -> None:
        """Adds a number; evaluations are network calls for one sample, at least 1."""
        self.cards.setdefault(method, {})[evaluations] = card

    def __str__(self) -> str:
        """A table with a row for each method and a column for each number of evaluations."""
        columns = sorted({n for row in self.cards.values() for n in row})
        lines = [["method", *map(str, columns)], ["---"] * (1 + len(columns))]
        for method, row in self.cards.items():
            lines.append([method, *(format_value(row[n]) if n in row else "" for n in columns)])
        table = ["| " + " | ".join(line) + " |" for line in lines]
        table[1] = table[1].replace(" ", "")
        return "\n".join(table)

    def save(self, path: str | PathLike[str]) -> Path:
        """Draws a curve with error bars for each method, both axes logarithmic; path ends in .png."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import LogLocator

        figure = Figure(figsize=(6, 4), dpi=100, layout="constrained")
        axes = figure.subplots()
        for method, row in self.cards.items():
            calls = sorted(row)
            values = [row[n].value for n in calls]
            errors = [row[n].error or 0.0 for n in calls]
            axes.errorbar(calls, values, errors, marker="o", capsize=2, label=method)
        if self.floor is not None:
            axes.axhline(self.floor.value, color="0.5", linestyle=":", label="real data")
        ticks = sorted({n for row in self.cards.values() for n in row})
        axes.set(xscale="log", yscale="log", xlabel="network evaluations", ylabel=self.metric)
        axes.set_xticks(ticks, map(str, ticks))
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.legend()
        FigureCanvasAgg(figure).print_png(str(path))
        return Path(path)
