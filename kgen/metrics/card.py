"""What a metric returns: a number, how sure it is, and everything needed to measure it again."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from kgen import __version__

ESTIMATES = ("sample", "exact", "bound", "importance-sampled", "ODE")


@dataclass(frozen=True)
class Card:
    """One measured number with its uncertainty and its provenance.

    A metric fills the first group; `Evaluator` and the command line add the second, which says of
    what the arrays were.

    Raises ValueError for an estimate that is not one of `ESTIMATES`, for a value that is not finite,
    and for an interval that is not two finite numbers in order: a metric must refuse its input before
    it comes to that.

    >>> card = Card(metric="frechet_distance", value=17.62, error=0.31, samples=10_000)
    >>> str(card)
    'frechet_distance 17.62 ± 0.31 (n = 10000)'
    >>> Card.from_dict(card.to_dict()) == card
    True
    """

    metric: str
    """Its name, that of the function: "frechet_distance"."""
    value: float
    unit: str = ""
    """As "nats" or "bits/dim"; empty: a pure number."""
    higher_is_better: bool | None = False
    """None: neither, as the share of active units."""
    error: float | None = None
    """Standard error of the value, in its unit."""
    interval: tuple[float, float] | None = None
    """95 % interval of the value."""
    method: str = ""
    """How error and interval were found, as "bootstrap (100)"."""
    estimate: str = "sample"
    """One of `ESTIMATES`: what a likelihood is, and "sample" for everything estimated from samples."""
    samples: int = 0
    """How many samples the value is of."""
    reference: int | None = None
    """How many reference examples it was measured against."""
    seed: int | None = None
    """Of the samples and of the bootstrap."""
    notes: tuple[str, ...] = ()
    """What a reader must know, as "fewer samples than recommended"."""

    features: str | None = None
    """Name of the feature network; None: the arrays as they are."""
    features_sha256: str | None = None
    resize: str | None = None
    """How images were brought to the size of the feature network."""
    data: str | None = None
    """Name and split of the reference data, as "fashion_mini/test"."""
    data_sha256: str | None = None
    floor: float | None = None
    """The value of real test data against the same reference."""
    ceiling: float | None = None
    """The value of noise against the same reference."""
    kgen_version: str = __version__

    def __post_init__(self) -> None:
        """Checks the estimate, the value and the interval."""
        if self.estimate not in ESTIMATES:
            raise ValueError(f"expected an estimate of {ESTIMATES}, got {self.estimate!r}")
        if not math.isfinite(self.value):
            raise ValueError(f"{self.metric} is {self.value}: its input was not checked")
        if self.interval is not None and not _is_interval(self.interval):
            raise ValueError(
                f"expected the interval of {self.metric} as two finite numbers (low, high), got "
                f"{self.interval}"
            )

    def with_(self, **changes: Any) -> "Card":
        """Gives a copy with other values in some fields; an unknown field is a TypeError."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Gives the fields for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> "Card":
        """Makes the card of `to_dict`, or of its JSON."""
        fields = dict(fields, notes=tuple(fields.get("notes", ())))
        if fields.get("interval") is not None:
            fields["interval"] = tuple(fields["interval"])
        return cls(**fields)

    def __str__(self) -> str:
        """The value with as many digits as its error allows."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.metric} {format_value(self)}{unit} (n = {self.samples})"


def _is_interval(interval: tuple[float, ...]) -> bool:
    return len(interval) == 2 and all(map(math.isfinite, interval)) and interval[0] <= interval[1]


def format_value(card: Card) -> str:
    """Writes value and error with as many digits as the error allows: two of its own, at most six.

    >>> format_value(Card(metric="m", value=0.123456, error=0.0123))
    '0.123 ± 0.012'
    >>> format_value(Card(metric="m", value=1234.5))
    '1234'
    """
    scale = card.error if card.error else abs(card.value) / 100
    digits = 4 if not scale else min(max(1 - math.floor(math.log10(scale)), 0), 6)
    value = f"{card.value:.{digits}f}"
    return f"{value} ± {card.error:.{digits}f}" if card.error is not None else value
