"""`kgen export`."""

from pathlib import Path

import click

from kgen.commands.shared import backend_option, load_model_on


@click.command()
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
