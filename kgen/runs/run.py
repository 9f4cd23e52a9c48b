"""What a run leaves on disk, so that it can be judged, sampled from, and gone on with.

    config.json   the recipe and its options
    env.json      versions, backend, seed, git commit, cores
    metrics.csv   one row an epoch
    samples/      one picture an epoch, always from the same noise
    model.keras   the model after the last finished epoch, with all that resuming needs: weights,
                  averages, optimizer slots, random streams, and the number of that epoch
    doctor.json   what the training doctor found, and each rewind after a NaN

There is one file of state, replaced by one rename: a kill at any moment leaves that of the epoch
before or that of the new epoch. Everything else is written before it, and trimmed to it on resume.
Importing this module loads no Keras.
"""

import contextlib
import csv
import dataclasses
import json
import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from kgen import __version__
from kgen.errors import UserError
from kgen.runs.files import (
    STATE,
    check_state,
    cores,
    explain,
    finished_epochs,
    is_run,
    read_config,
    read_env,
    read_metrics,
    replacing,
    write_json,
)
from kgen.runs.model_pictures import pictures_of
from kgen.runs.rewind import DivergenceError, lower_learning_rate

if TYPE_CHECKING:
    import keras

    from kgen.core import GenerativeModel
    from kgen.data import Batches
    from kgen.runs.recipe import Config

_NEXT = ".next.keras"
_SHOWN = 64  # images in a picture; points are all shown
_FREE = ("run", "resume")  # options that say nothing of the model
_CHANGING = {"epochs", "minutes", "on_nan"}  # options that may be others on resume


class Run:
    """A run directory: made by a recipe before it builds anything, written by its callback.

    Args:
        config: of the recipe; its directory must be new or empty, or, with `resume`, hold a run of
            the same config, up to `epochs`.

    Attributes: `path`, the directory; `epoch`, how many epochs are finished.

    Raises UserError where the directory holds something already, or, on resume, where it holds no
    run, one of another config or backend, or a damaged file.
    """

    def __init__(self, config: "Config") -> None:
        self.config = config
        self.path = config.directory
        self.epoch = 0
        self._rows: list[dict[str, Any]] = []
        with explain(f"cannot write the run directory {self.path}"):
            if config.resume:
                self._reopen()
            else:
                self._create()

    def restore(self, model: "GenerativeModel", batches: "Batches") -> None:
        """Brings a compiled model and its batches to the end of epoch `epoch`; 0: leaves them.

        After a rewind the learning rates are lower: see `kgen.runs.rewind`.
        """
        batches.epoch = self.epoch
        if self.epoch:
            model.load_weights(self.path / STATE)
        lower_learning_rate(self.path, self.epoch, model.optimizer)

    def callbacks(
        self,
        model: "GenerativeModel",
        samples: int = 64,
        reference: np.ndarray | None = None,
        watchers: "Sequence[keras.callbacks.Callback]" = (),
        draw: Callable[[], np.ndarray] | None = None,
        text: Callable[[np.ndarray], str] | None = None,
    ) -> "list[keras.callbacks.Callback]":
        """Gives the callbacks that write the run at the end of each epoch, and end it at a NaN.

        At the end of training they make the pictures of `kgen report` that need the model.

        Args:
            model: the one that `fit` trains.
            samples: how many to draw; the picture shows all points, or the first 64 images.
            reference: points (n, 2) to show behind samples that are points.
            watchers: further callbacks that look at each epoch before it is written; what they put
                into `logs` goes into metrics.csv: `kgen.callbacks.Evaluate`. Their time is not counted
                as that of training.
            draw: gives what the picture shows, where the model needs conditions or the picture is of
                more than samples; None: `model.sample(samples, seed)`.
            text: turns samples that are tokens into text, which is written in place of a picture.
        """
        import keras

        from kgen.callbacks import StopAfter, StopAtNaN

        spent = sum(float(row["seconds"]) for row in self._rows)
        clock, guard = StopAfter(self.config.minutes, spent), StopAtNaN()

        def end(epoch: int, logs: Mapping[str, float]) -> None:
            drawn = draw() if draw else model.sample(samples, seed=self.config.seed)
            numbers = {**logs, "seconds": round(clock.seconds, 2)}
            self._check_finite(numbers, drawn, epoch + 1, guard.step)
            with explain(f"could not save epoch {epoch + 1} in {self.path}", self._way_on):
                self._write_samples(drawn, reference, text, epoch + 1)
                self._write_metrics({"epoch": epoch + 1, **numbers})
                self._write_state(model, epoch + 1)  # last: only now the epoch counts as finished

        def finish(logs: Any) -> None:
            pictures_of(self.path, model)  # now, since a report would have to load the model first

        write = keras.callbacks.LambdaCallback(on_epoch_end=end, on_train_end=finish)
        return [clock, guard, *watchers, write]

    def _create(self) -> None:
        if self.path.exists() and not (self.path.is_dir() and not any(self.path.iterdir())):
            raise UserError(f"{self.path} exists already: {self._ways_out()}")
        (self.path / "samples").mkdir(parents=True)
        write_json(self.path / "env.json", _environment(self.config))
        write_json(self.path / "config.json", _saved(self.config))

    def _ways_out(self) -> str:
        other = "choose another directory with --run"
        if not is_run(self.path):
            return f"{other}, or remove it"
        return f"go on with its run by --resume, {other}, or remove it"

    def _reopen(self) -> None:
        old = read_config(self.path)
        self._check_config(old)
        self._check_environment(read_env(self.path))
        for leftover in self.path.glob(".*.keras"):  # of a kill in the middle of a save
            leftover.unlink()
        if (self.path / STATE).exists():
            check_state(self.path)
        self.epoch = finished_epochs(self.path)
        if self.config.epochs < self.epoch:
            raise UserError(
                f"{self.path} has {self.epoch} epochs already, more than the {self.config.epochs} "
                "asked for with --epochs"
            )
        self._rows = [row for row in read_metrics(self.path) if int(row["epoch"]) <= self.epoch]
        write_json(self.path / "config.json", _saved(self.config))

    def _check_config(self, old: dict[str, Any]) -> None:
        new = _saved(self.config)
        differing = sorted(key for key in {*old, *new} - _CHANGING if old.get(key) != new.get(key))
        if differing:
            was = ", ".join(f"{k} was {old.get(k)!r} and is {new.get(k)!r} now" for k in differing)
            raise UserError(
                f"{self.path} was started with another config: {was}; repeat its options, or start "
                "a run of its own with --run"
            )

    def _check_environment(self, old: dict[str, Any]) -> None:
        new = _environment(self.config)
        if old["backend"] != new["backend"]:
            raise UserError(
                f"{self.path} was started on {old['backend']}, and this is {new['backend']}: set "
                f"KERAS_BACKEND={old['backend']}, or start a run of its own with --run"
            )
        for name in sorted({*old["versions"], *new["versions"]}):
            was, now = old["versions"].get(name), new["versions"].get(name)
            if was != now:
                click.echo(f"note: {name} was {was}, is {now}: expect rounding to differ", err=True)

    def _intact(self) -> str:
        if not self.epoch:
            return "no epoch was finished before"
        return f"the state of epoch {self.epoch} is intact"

    def _way_on(self) -> str:
        return f"{self._intact()}. Make room, and go on with --resume"

    def _check_finite(
        self, numbers: Mapping[str, float], drawn: np.ndarray, epoch: int, step: int | None
    ) -> None:
        bad = [name for name, value in numbers.items() if not np.isfinite(value)]
        if bad or step is not None or not np.isfinite(drawn).all():
            what = ", ".join(bad) or ("samples" if step is None else "a loss")
            raise self._diverged(what, epoch, step)

    def _diverged(self, what: str, epoch: int, step: int | None = None) -> DivergenceError:
        when = "" if step is None else f", in step {step}"
        where = f" in {self.path / STATE}" if self.epoch else ""
        return DivergenceError(
            f"training diverged in epoch {epoch} of {self.path}{when}: {what} NaN or infinite; "
            f"{self._intact()}{where}. Try a smaller learning rate",
            epoch,
        )

    def _write_samples(
        self,
        drawn: np.ndarray,
        reference: np.ndarray | None,
        text: Callable[[np.ndarray], str] | None,
        epoch: int,
    ) -> None:
        from kgen.pictures import save_samples

        path = self.path / "samples" / f"epoch_{epoch:04d}.png"
        if text is not None:
            path.with_suffix(".txt").write_text(text(drawn), encoding="utf-8")
            return
        save_samples(drawn[:_SHOWN] if drawn.ndim == 4 else drawn, path, reference)

    def _write_metrics(self, row: dict[str, Any]) -> None:
        rows = [*self._rows, row]
        with replacing(self.path / "metrics.csv") as file:
            columns = dict.fromkeys(key for r in rows for key in r)
            writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        self._rows = rows

    def _write_state(self, model: "GenerativeModel", epoch: int) -> None:
        """Saves the model with the epoch in the comment of the zip archive that the file is.

        One file, so that the two cannot disagree; Keras reads over the comment. A state with NaN in
        it (of the last step: the losses do not show it yet) never takes the place of a good one.
        """
        new = self.path / _NEXT
        model.save(new)
        bad = [v.path for v in model.weights if not np.isfinite(v.numpy()).all()]
        if bad:
            raise self._diverged(f"{len(bad)} weights (the first: {bad[0]})", epoch)
        with zipfile.ZipFile(new, "a") as archive:
            archive.comment = json.dumps({"epoch": epoch}).encode()
        with open(new, "rb") as file:
            os.fsync(file.fileno())  # the content before the name, also for a power cut
        os.replace(new, self.path / STATE)
        self.epoch = epoch


def _saved(config: "Config") -> dict[str, Any]:
    """What config.json holds, as it comes back from JSON (tuples as lists)."""
    options = {k: v for k, v in dataclasses.asdict(config).items() if k not in _FREE}
    return json.loads(json.dumps({"recipe": config.recipe, **options}))


def _environment(config: "Config") -> dict[str, Any]:
    import keras

    backend = keras.backend.backend()
    versions = {name: sys.modules[name].__version__ for name in ("keras", "numpy", backend)}
    return {
        "backend": backend,
        "seed": config.seed,
        "git": _git_commit(config),
        "versions": {"kgen": __version__, "python": platform.python_version(), **versions},
        "platform": platform.platform(),
        "cores": cores(),
    }


def _git_commit(config: "Config") -> str | None:
    """The commit of the recipe's checkout, with "-dirty" where files differ from it."""
    file = getattr(sys.modules[type(config).__module__], "__file__", None)
    where = Path(file).parent if file else Path.cwd()
    command = ["git", "-C", str(where), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=40"]
    with contextlib.suppress(OSError):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return result.stdout.strip() or None
    return None  # git itself is missing
