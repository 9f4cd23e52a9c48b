"""`kgen sample`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kgen.commands.shared import backend_option, load_model_on

if TYPE_CHECKING:
    from kgen.core import GenerativeModel


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-n", "n", default=64, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the noise.")
@click.option(
    "--labels", metavar="LABELS", help="The classes asked for, in turn: all, or numbers like 3 or 0,5."
)
@click.option("--guidance", type=float, help="How much more of the class; 0: none.")
@click.option("--steps", type=click.IntRange(1), help="Of a diffusion model's solver.")
@click.option("--temperature", type=float, help="Below 1: likelier samples, and less varied ones.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="A .png or .npz file. Default: RUN/samples.png."
)
@backend_option("that of the run")
def sample(
    run: Path,
    n: int,
    seed: int,
    labels: str | None,
    guidance: float | None,
    steps: int | None,
    temperature: float | None,
    out: Path | None,
    backend: str | None,
) -> None:
    """Draw samples from the model of RUN.

    As a picture, or as the array "samples" (n, ...) of an .npz file, with "labels" (n,) where classes
    were asked for; the same seed, the same samples.
    """
    import numpy as np

    from kgen import pictures
    from kgen.errors import UserError

    out = out or run / "samples.png"
    if out.suffix not in (".png", ".npz"):
        raise UserError(f"--out {out}: expected a name that ends in .png or .npz")
    model = load_model_on(run, backend)
    asked = {"labels": labels, "guidance": guidance, "steps": steps, "temperature": temperature}
    options = _options(run, model, {name: value for name, value in asked.items() if value is not None})
    if labels is not None:
        options["labels"] = np.resize(_classes(run, model, labels), n).astype("int32")
    try:
        samples = model.sample(n, seed=seed, **options)
    except (ValueError, FloatingPointError) as error:
        raise UserError(f"cannot sample from {run}: {error}") from error
    try:
        if out.suffix == ".npz":
            told = {"labels": options["labels"]} if labels is not None else {}
            np.savez_compressed(out, samples=samples, **told)
        else:
            pictures.save_samples(samples, out)
    except ValueError as error:
        raise UserError(f"samples of shape {samples.shape} are no picture: --out NAME.npz") from error
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from error
    click.echo(f"wrote {out}")


def _options(run: Path, model: "GenerativeModel", asked: dict[str, Any]) -> dict[str, Any]:
    """The options, which the model's `sample` must have. Raises UserError."""
    from kgen.errors import UserError

    takes = {*model.sample_options, *model.sample_conditions.names}
    for name in asked:
        if name not in takes:
            raise UserError(f"--{name}: the model of {run}, {type(model).__name__}, takes none")
    return asked


def _classes(run: Path, model: "GenerativeModel", labels: str) -> list[int]:
    """Reads `all` or numbers with commas. Raises UserError."""
    from kgen.errors import UserError

    if labels == "all":
        return list(range(model.classes))
    try:
        return [int(label) for label in labels.split(",")]
    except ValueError as error:
        raise UserError(
            f"--labels {labels}: expected all, or numbers 0 ... {model.classes - 1} with commas, "
            "such as 3 or 0,5"
        ) from error
