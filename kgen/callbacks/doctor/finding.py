"""What a check is, and what it says."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Finding:
    """What a check saw, what that means, and what to try.

    >>> print(Finding("dead codes", 3, "6 of 8 codes are never used", "it copies", "fewer codes", 0.75))
    dead codes in epoch 3: 6 of 8 codes are never used. It means: it copies. Try: fewer codes.
    """

    check: str
    """Name of the check."""
    epoch: int
    """1 is the first."""
    saw: str
    """With the numbers."""
    means: str
    advice: str
    severity: float
    """Above 0, in a unit of the check's own; it is spoken of again once this has doubled."""

    def to_dict(self) -> dict[str, Any]:
        """Gives the fields for JSON; `Finding(**fields)` makes it again."""
        return asdict(self)

    def __str__(self) -> str:
        """One line for a person."""
        return (
            f"{self.check} in epoch {self.epoch}: {self.saw}. It means: {self.means}. "
            f"Try: {self.advice}."
        )


class Check:
    """One disease that `Doctor` looks for: the base of the checks, and of your own.

    Attributes:
        name: of the disease, in a few words.
        patience: in how many epochs in a row it must be seen before it is spoken of.
        last_word: whether the other checks have nothing left to look at once this one found something.
    """

    name: str = ""
    patience: int = 1
    last_word: bool = False

    def fits(self, model: keras.Model) -> bool:
        """Whether the model offers what this check looks at."""
        raise NotImplementedError

    def begin(self, model: keras.Model) -> None:
        """Called before training."""

    def look(self, model: keras.Model, logs: Mapping[str, float], epoch: int) -> Finding | None:
        """Called after each epoch, 1 for the first; gives what was found, None where all is well."""
        raise NotImplementedError
