"""Small runs of real recipes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import kgen
from kgen.runs import recipe

TINY = {
    "gan_ring": "--examples 512 --batch-size 64 --hidden 8 8",
    "vae_fashion": "--examples 64 --batch-size 32 --width 2",
    "distill_2d": "--examples 512 --epochs 1 --width 8 --evaluations 1 2",
    "dcgan_fashion": "--examples 64 --batch-size 32 --width 2",
    "char_transformer": "--examples 64 --batch-size 32 --length 16 --width 8 --depth 1",
    "wgan_gp_fashion": "--examples 64 --batch-size 32",
    "cgan_fashion": "--examples 64 --batch-size 32",
    "r3gan_fashion": "--examples 64 --batch-size 32",
    "flow_2d": "--examples 256 --epochs 1 --data moons",
    "glow_fashion": "--examples 64 --batch-size 32",
    "glow_mnist": "--examples 64 --batch-size 32",
    "realnvp_fashion": "--examples 64 --batch-size 32",
    "gan_modes": "--examples 128 --batch-size 64 --epochs 1 --quick",
}


@pytest.fixture(autouse=True)
def _own_directory(tmp_path, monkeypatch):
    """Runs go to runs/NAME of an empty directory; processes use the backend of the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", keras.backend.backend())
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def _train(name, options=""):
    module = recipe.load(name)
    recipe.cli(module.main, module.Config, f"{TINY[name]} {options}".split())
    return Path("runs", name)


@pytest.fixture
def train():
    """Trains a tiny version of a recipe in this process, as its script does; gives runs/NAME."""
    return _train


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run of gan_ring for three epochs: not to be changed."""
    path = tmp_path_factory.mktemp("trained") / "gan_ring"
    _train("gan_ring", f"--epochs 3 --run {path}")
    return path


@pytest.fixture
def path(trained):
    """A copy of that run, in runs/gan_ring."""
    return Path(shutil.copytree(trained, "runs/gan_ring"))


@pytest.fixture
def fails(capsys):
    """Calls something that ends the process; gives the exit code and the message."""

    def fails(function, *arguments):
        with pytest.raises(SystemExit) as end:
            function(*arguments)
        return end.value.code, " ".join(capsys.readouterr().err.replace("│", " ").split())

    return fails


@pytest.fixture
def process():
    """Runs `python ARGUMENTS` to its end."""

    def process(*arguments):
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    return process


@pytest.fixture
def at_batch(monkeypatch):
    """Makes runs of this process call something after their k-th batch."""

    def at_batch(k, action):
        of_the_run, calls = kgen.runs.Run.callbacks, []

        def count(*_, **__):
            calls.append(1)
            if len(calls) == k:
                action()

        def callbacks(self, model, **arguments):
            extra = keras.callbacks.LambdaCallback(on_train_batch_end=count)
            return [*of_the_run(self, model, **arguments), extra]

        monkeypatch.setattr(kgen.runs.Run, "callbacks", callbacks)

    return at_batch


@pytest.fixture
def learned():
    """Gives all that a run has learned: the bytes of each variable and picture, the metrics."""

    def learned(path):
        model = keras.saving.load_model(path / "model.keras")
        variables = [*model.variables, *model.optimizer.variables]
        values = [np.asarray(keras.ops.convert_to_numpy(v)).tobytes() for v in variables]
        pictures = {file.name: file.read_bytes() for file in (path / "samples").iterdir()}
        rows = (path / "metrics.csv").read_text().splitlines()
        return values, pictures, [row.rpartition(",")[0] for row in rows]  # without the seconds

    return learned
