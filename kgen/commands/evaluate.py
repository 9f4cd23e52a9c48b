"""`kgen evaluate`."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import click

from kgen.commands.shared import backend_option, choose_backend_of

_FEATURES = ("pixels", "fashion_classifier", "mnist_classifier", "inception")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--samples",
    default=10_000,
    show_default=True,
    type=click.IntRange(1),
    help="How many to draw from each model.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the samples.")
@click.option(
    "--features", type=click.Choice(_FEATURES), help="The feature network. Default: by the data."
)
@click.option("--against", metavar="DATA", help="NAME of a data set, or NAME/SPLIT; for other samples.")
@click.option("--resize", is_flag=True, help="With --against: bring images to the size of the data.")
@backend_option("that of the first run")
def evaluate(
    paths: tuple[Path, ...],
    samples: int,
    seed: int,
    features: str | None,
    against: str | None,
    resize: bool,
    backend: str | None,
) -> None:
    """Measure the samples of runs, and their likelihoods.

    Prints a table, one column a run, and writes RUN/evaluation.json.

    With --against, RUN is a folder of images or an .npz file with the array "samples" that any
    program made; nothing is written.
    """
    from kgen import evaluation
    from kgen.errors import UserError
    from kgen.runs import recipe

    if against is None:
        if resize:
            raise UserError("--resize is for samples that another program made: give --against DATA")
        _check_runs(paths)
        choose_backend_of(paths[0], backend)
    else:
        recipe.choose_backend(backend)
    with _warnings_as_notes():
        if against is None:
            cards = evaluation.evaluate_runs(paths, samples, seed, features)
        else:
            cards = [
                evaluation.evaluate_samples(path, against, seed, features, resize) for path in paths
            ]
    click.echo(evaluation.table([str(path) for path in paths], cards))


def _check_runs(paths: tuple[Path, ...]) -> None:
    """Checks the runs before Keras is loaded; says what to do with what could be samples."""
    from kgen.errors import UserError
    from kgen.runs.files import check_state, is_run

    for path in paths:
        if path.suffix == ".npz" or (path.is_dir() and not is_run(path) and any(path.glob("*.*"))):
            raise UserError(f"{path} is not a run: to evaluate samples, add --against DATA")
        check_state(path)


@contextlib.contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """Shows each warning of kgen once, without the line of code that it came from."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for text in dict.fromkeys(str(w.message) for w in caught if w.category is UserWarning):
        click.echo(f"note: {text}", err=True)
