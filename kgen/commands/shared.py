"""What several commands need."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kgen.core import GenerativeModel

HELP = ("-h", "--help")
"""The options that ask for help."""


def backend_option(default: str) -> Callable[..., Any]:
    """Makes the option `--backend`; `default` says in words what is taken without it."""
    text = f"tensorflow, jax or torch. Default: KERAS_BACKEND, else {default}."
    return click.option("--backend", metavar="NAME", help=text)


def choose_backend_of(run: Path, backend: str | None) -> None:
    """Takes the backend that was asked for, else the run's own; Keras is not imported yet.

    Raises UserError where the run has no readable state, or the backend cannot be had.
    """
    from kgen.runs import recipe
    from kgen.runs.files import check_state, read_env

    check_state(run)  # mistakes first: Keras takes seconds
    own = None if "KERAS_BACKEND" in os.environ else read_env(run)["backend"]
    recipe.choose_backend(backend or own)


def load_model_on(run: Path, backend: str | None) -> "GenerativeModel":
    """Loads a run's model on the backend that was asked for, else on the run's own."""
    from kgen.runs.files import load_model

    choose_backend_of(run, backend)
    return load_model(run)
