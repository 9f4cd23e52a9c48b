"""What a recipe is: a script with a frozen dataclass `Config` and a `main(config)`.

Both `python recipes/NAME.py --epochs 2` and `kgen train NAME --epochs 2` come to `cli` here.
Importing this module loads no Keras, so that `--help` and mistakes in the options are answered at
once and the backend can still be chosen.
"""

import ast
import contextlib
import dataclasses
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import click
import tyro

import kgen.data
from kgen.errors import UserError, did_you_mean
from kgen.runs.files import finished_epochs, leaving_no_shell
from kgen.runs.rewind import DivergenceError, note_rewind

BACKENDS = ("tensorflow", "jax", "torch")
_COUNTS = ("epochs", "batch_size", "examples", "resolution")


@dataclass(frozen=True)
class Config:
    """The options that every recipe has; a recipe's own `Config` adds to them.

    Raises ValueError where a number is too small.

    >>> Config(epochs=3, run="runs/try").directory.as_posix()
    'runs/try'
    """

    data: str = "fashion_mini"
    """Name of a data set of `kgen list`, `tfds:NAME`, or a path: see `kgen.data.load`."""
    examples: int | None = None
    """Train on this many examples only; None: on all."""
    resolution: int | None = None
    """Crop and resize images to squares of this side; None: as they are."""
    epochs: int = 10
    """Passes over the data, those of a resumed run included."""
    minutes: float | None = None
    """Stop at the end of an epoch after about so many minutes of training; None: after all epochs."""
    batch_size: int = 128
    """Examples in each step."""
    seed: int = 0
    """Of the weights, the order of the data, and all noise."""
    jit_compile: bool | Literal["auto", "inductor"] = "auto"
    """See `kgen.GenerativeModel.compile`."""
    run: str = ""
    """Directory of the run; empty: runs/NAME of the recipe."""
    resume: bool = False
    """Go on with the run in that directory after its last finished epoch."""
    on_nan: Literal["stop", "rewind"] = "stop"
    """Where training diverges: stop, or go back to the last good state with half the learning rate."""

    def __post_init__(self) -> None:
        """Checks the options that every recipe has."""
        for name, lowest in [("seed", 0), *((name, 1) for name in _COUNTS)]:
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise ValueError(f"expected {name} >= {lowest}, got {value}")
        if self.minutes is not None and not self.minutes > 0:
            raise ValueError(f"expected minutes > 0, got {self.minutes}")

    @property
    def recipe(self) -> str:
        """The name of the recipe: that of the file that defines the class."""
        module = sys.modules[type(self).__module__]
        return Path(getattr(module, "__file__", None) or "interactive.py").stem

    @property
    def directory(self) -> Path:
        """Where the run lives."""
        return Path(self.run or f"runs/{self.recipe}")

    def load(self, split: str = "train") -> kgen.data.Dataset:
        """Loads a split of `data`: `examples` to train on, at most as many of another split.

        Raises UserError where there is no such data set, it cannot be fetched, or is too small.
        """
        try:
            size = self.examples
            if size is not None and split != "train":
                size = min(size, len(kgen.data.load(self.data, split, resolution=self.resolution)))
            return kgen.data.load(self.data, split, size, self.seed, self.resolution)
        except (ValueError, OSError, ModuleNotFoundError) as error:
            raise UserError(f"--data {self.data}: {error}") from error


def data_of(saved: Mapping[str, Any]) -> Config:
    """Gives the options of a run's `config.json` that decide what `load` loads.

    >>> data_of({"recipe": "vae_fashion", "data": "fashion_mini", "examples": 100}).examples
    100
    """
    return Config(**{k: saved[k] for k in ("data", "examples", "resolution", "seed") if k in saved})


def cli(
    main: Callable[[Config], None],
    config_class: type[Config],
    arguments: Sequence[str] | None = None,
    prog: str | None = None,
) -> None:
    """Runs a recipe from the command line: options to a config, mistakes to messages.

    Ends the process with code 1 after a `UserError`, 2 after a wrong option, and 130 after Ctrl-C.

    Args:
        main: takes the config, trains.
        config_class: a frozen dataclass; each field is an option.
        arguments: the words of the command line; None: those of this process.
        prog: what the help calls the program; None: the script.
    """
    config = None
    try:
        config = _parse(config_class, arguments, prog)
        _check_backend()
        with _naming_the_backend(), leaving_no_shell(config.directory):
            train(main, config)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo(_interrupted(config), err=True)
        sys.exit(130)


def train(main: Callable[[Config], None], config: Config) -> None:
    """Calls `main(config)`, and where training diverges and `on_nan` is "rewind", calls it again.

    Then it resumes from the last good state, or the start, with half the learning rate, at most three
    times; see `kgen.runs.rewind`. Raises `kgen.runs.DivergenceError`, or UserError after the last
    rewind.
    """
    while True:
        try:
            return main(config)
        except DivergenceError as error:
            if config.on_nan == "stop":
                raise
            to = finished_epochs(config.directory)
            click.echo(note_rewind(config.directory, error, to), err=True)
        config = dataclasses.replace(config, resume=True)  # outside of except: the old model can go


def choose_backend(asked: str | None) -> None:
    """Sets `KERAS_BACKEND` before Keras is imported; None leaves the choice to the environment.

    Raises UserError where the environment asks for another backend, or this one is not installed.
    """
    if asked is not None:
        present = os.environ.get("KERAS_BACKEND", asked)
        if present != asked:
            raise UserError(
                f"two backends asked at once: KERAS_BACKEND={present} in the environment and "
                f"--backend {asked}: leave one of them out"
            )
        os.environ["KERAS_BACKEND"] = asked
    _check_backend()


def folder() -> Path:
    """The folder of the recipes: that of an installed kgen, else that of the checkout."""
    package = Path(__file__).parents[1]
    installed = package / "recipes"
    return installed if installed.is_dir() else package.parent / "recipes"


def summaries() -> dict[str, str]:
    """Gives each recipe's name and the first line of its docstring, without importing any."""
    files = sorted(path for path in folder().glob("*.py") if not path.name.startswith("_"))
    return {path.stem: _first_line(path) for path in files}


def load(name: str) -> ModuleType:
    """Imports a recipe.

    Args:
        name: one of `summaries()`, or the path of a script of one's own that ends in .py.

    Raises UserError where there is no such recipe.
    """
    path = Path(name) if name.endswith(".py") else folder() / f"{name}.py"
    if not path.is_file():
        raise UserError(f"unknown recipe {name!r}: {did_you_mean(name, summaries())}")
    spec = importlib.util.spec_from_file_location(f"kgen_recipe_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _parse(config_class: type[Config], arguments: Sequence[str] | None, prog: str | None) -> Config:
    description = sys.modules[config_class.__module__].__doc__
    return tyro.cli(config_class, prog=prog, description=description, args=arguments)


def _check_backend() -> None:
    """Checks the backend that Keras is going to import, where the environment names it."""
    name = os.environ.get("KERAS_BACKEND")
    if name is None:
        return
    if name not in BACKENDS:
        raise UserError(f"KERAS_BACKEND={name}: {did_you_mean(name, BACKENDS)}")
    if importlib.util.find_spec(name) is None:
        raise _not_installed(name)


@contextlib.contextmanager
def _naming_the_backend() -> Iterator[None]:
    """Explains a missing backend that the environment does not name: Keras' default."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name in BACKENDS:
            raise _not_installed(error.name) from error
        raise


def _not_installed(name: str) -> UserError:
    return UserError(
        f"the backend {name} is not installed: pip install 'kgen[{name}]', or choose another one with "
        "--backend or KERAS_BACKEND"
    )


def _interrupted(config: Config | None) -> str:
    finished = 0 if config is None else finished_epochs(config.directory)
    if not finished:
        return "\nstopped by Ctrl-C before the end of the first epoch"
    return (
        f"\nstopped by Ctrl-C: {config.directory} keeps its {finished} finished epoch(s); "
        "repeat the command with --resume to go on"
    )


def _first_line(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]
