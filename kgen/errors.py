"""The error that the user can fix, printed without a traceback, and its hint at a misspelt word."""

import difflib
from collections.abc import Iterable

import click


class UserError(click.ClickException):
    """Says what was wrong, where, and how to mend it.

    Commands and recipes print it and end with exit code 1. Every other exception is a bug, and
    keeps its traceback.

    >>> str(UserError("runs/x is not a run: it has no config.json"))
    'runs/x is not a run: it has no config.json'
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Gives the sentence that names the known words close to `word`, or lists them all.

    >>> did_you_mean("trian", ["train", "test"])
    "did you mean 'train'?"
    """
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=3)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    return f"known: {', '.join(known)}"
