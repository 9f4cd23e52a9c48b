"""The command `kgen`: list, train, sample, evaluate, export, report, leaderboard.

Everything heavy is imported inside the commands, so that `--help` is quick and the backend is chosen
before Keras is imported.
"""

from pathlib import Path

import click

import kgen
from kgen.commands.evaluate import evaluate
from kgen.commands.leaderboard import leaderboard
from kgen.commands.sample import sample
from kgen.commands.shared import backend_option, load_model_on

_HELP = ("-h", "--help")


@click.group(context_settings={"help_option_names": _HELP})
@click.version_option(kgen.__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Train generative models, draw from them, and measure them."""


main.add_command(evaluate)
main.add_command(leaderboard)
main.add_command(sample)


@main.command("list")
def list_() -> None:
    """List the recipes and the data sets."""
    import kgen.data
    from kgen import recipe

    summaries = recipe.summaries()
    width = max(map(len, summaries), default=0)
    click.echo("Recipes, for kgen train NAME:")
    for name, summary in summaries.items():
        click.echo(f"  {name:{width}}  {summary}")
    click.echo("\nData sets, for --data NAME:")
    click.echo(f"  {', '.join(kgen.data.names())},")
    click.echo("  tfds:NAME, the path of a folder of images or of an .npz file")


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("name")
@backend_option("Keras' default")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def train(context: click.Context, name: str, backend: str | None, options: tuple[str, ...]) -> None:
    """Train the recipe NAME; its own OPTIONS: kgen train NAME --help.

    The same as python recipes/NAME.py OPTIONS, with KERAS_BACKEND set. NAME may also be the path of
    a script that ends in .py.
    """
    from kgen import recipe

    if name in _HELP:
        click.echo(context.get_help())
        return
    module = recipe.load(name)
    recipe.choose_backend(backend)
    recipe.cli(module.main, module.Config, options, prog=f"kgen train {name}")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    default="tf_saved_model",
    show_default=True,
    type=click.Choice(["tf_saved_model", "onnx"]),
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="A directory. Default: RUN/saved_model or RUN/onnx."
)
@click.option("--overwrite", is_flag=True, help="Replace the directory where it exists.")
@click.option(
    "--jit-compile/--no-jit-compile",
    default=True,
    show_default=True,
    help="XLA in the SavedModel: faster, but for TensorFlow only.",
)
@backend_option("that of the run")
def export(
    run: Path,
    format_: str,
    out: Path | None,
    overwrite: bool,
    jit_compile: bool,
    backend: str | None,
) -> None:
    """Write the model of RUN as a SavedModel or as ONNX: one directory, an endpoint a function."""
    from kgen.errors import UserError

    out = out or run / {"tf_saved_model": "saved_model", "onnx": "onnx"}[format_]
    if out.exists() and not overwrite:  # said before the model is loaded
        raise UserError(f"{out} exists: choose another directory with --out, or add --overwrite")
    model = load_model_on(run, backend)
    try:
        model.export(out, format_, overwrite, jit_compile)
    except (OSError, ImportError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"cannot export {run} to {out}: {error}") from error
    click.echo(f"wrote {out}")


@main.command()
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


if __name__ == "__main__":
    main(prog_name="kgen")
