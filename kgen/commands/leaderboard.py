"""`kgen leaderboard`."""

from pathlib import Path

import click

from kgen.commands.shared import backend_option, choose_backend_of


@click.command()
@click.option(
    "--add",
    "run",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Make a result file of an evaluated run; measures its samples/s.",
)
@click.option("--write", is_flag=True, help="Write the section of recipes/README.md.")
@backend_option("that of the run")
def leaderboard(run: Path | None, write: bool, backend: str | None) -> None:
    """Show the table of results at equal training time.

    It is made of the files recipes/results/*.json.
    """
    from kgen.evaluation import leaderboard
    from kgen.runs import recipe

    folder = recipe.folder()
    if run is not None:
        choose_backend_of(run, backend)
        click.echo(f"wrote {leaderboard.add(run, folder / 'results')}")
    section = leaderboard.section(leaderboard.read_results(folder / "results"))
    if write:
        click.echo(f"wrote {leaderboard.write_section(folder / 'README.md', section)}")
    elif run is None:
        click.echo(section, nl=False)
