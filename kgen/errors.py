"""The error that is the user's to mend: shown as a message, without a traceback."""

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
