"""Pictures that only the model of a run can make: made once, kept in RUN/pictures."""

import functools
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kgen.errors import UserError
from kgen.runs.files import PICTURES, STATE, load_model, read_config, read_env
from kgen.runs.recipe import Config, data_of

if TYPE_CHECKING:
    from kgen.core import GenerativeModel

_RECONSTRUCTED = 20  # test images


def pictures_of(run: str | os.PathLike[str], model: "GenerativeModel | None" = None) -> list[Path]:
    """Makes the pictures of a run's model: what its family has of `reconstructions.png`,
    `interpolation.png` and `neighbours.png`, in the folder `pictures` of the run.

    They are made once for each state of the model. Nothing is made where the run has no model yet, or
    its samples are no images. Where the model or the data cannot be loaded, a note says why.

    Args:
        run: its directory.
        model: as it was saved last; None: it is loaded, on `KERAS_BACKEND`, else on the run's own
            backend.

    Returns the files made. Raises UserError where `run` is no run.
    """
    path = Path(run)
    config = read_config(path)
    state, folder = path / STATE, path / PICTURES
    if not state.exists() or not any((path / "samples").glob("*.png")):
        return []
    if folder.exists() and folder.stat().st_mtime >= state.stat().st_mtime:
        return []
    try:
        return _make(path, config, model)
    except (UserError, ImportError, OSError, TypeError, ValueError) as error:
        click.echo(f"note: no pictures from the model of {path}: {error}", err=True)
        return []


def _make(path: Path, config: dict[str, Any], model: "GenerativeModel | None") -> list[Path]:
    data = data_of(config)
    train = data.load("train")
    makers = {}
    if len(train.spec.shape) == 3:
        if model is None:
            _choose_backend(path)
            model = load_model(path)
        makers = _makers(model, train.x, data)
    with tempfile.TemporaryDirectory(dir=path) as folder:  # each file moves to its place whole
        made = [make(Path(folder) / f"{name}.png") for name, make in makers.items()]
        (path / PICTURES).mkdir(exist_ok=True)
        moved = [file.replace(path / PICTURES / file.name) for file in made]
    os.utime(path / PICTURES)  # newer than the model, also where nothing was made
    return moved


def _makers(model: "GenerativeModel", train: Any, data: Config) -> dict[str, Callable[[Path], Path]]:
    """What the model's family can show, by the name of its picture."""
    from kgen import pictures

    makers = {"neighbours": functools.partial(pictures.save_neighbours, model, train)}
    if hasattr(model, "reconstruct"):
        test = data.load("test").x[:_RECONSTRUCTED]
        makers["reconstructions"] = functools.partial(pictures.save_reconstructions, model, test)
    if hasattr(model, "prior") and hasattr(model, "decode"):
        makers["interpolation"] = functools.partial(pictures.save_interpolation, model)
    return makers


def _choose_backend(path: Path) -> None:
    """Takes the run's own backend, where none was chosen and this machine has it."""
    if "keras" in sys.modules or "KERAS_BACKEND" in os.environ:
        return
    own = read_env(path).get("backend")
    if own and importlib.util.find_spec(own):
        os.environ["KERAS_BACKEND"] = own
