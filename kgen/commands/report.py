"""`kgen report`."""

from pathlib import Path

import click


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A .html file. Default: RUN/report.html, of several runs report.html.",
)
def report(runs: tuple[Path, ...], out: Path | None) -> None:
    """Write one HTML page about a run, or about several side by side."""
    from kgen.report import write_report

    click.echo(f"wrote {write_report(runs, out)}")
