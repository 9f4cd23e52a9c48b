"""A run that was stopped at any moment goes on, and ends where it would have ended, to the bit."""

import errno
import os
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest

from kgen.errors import UserError
from kgen.runs import Config, Run, finished_epochs, read_metrics

KILLED = Path(__file__).parent / "killed.py"
TINY_RING = ["--examples", "512", "--batch-size", "64", "--hidden", "8", "8", "--epochs", "3"]


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "signal", "code"),
    [
        ("batch", "SIGKILL", -9),
        pytest.param("save", "SIGKILL", -9, marks=pytest.mark.every_backend),
        ("batch", "SIGINT", 130),
    ],
)
def test_a_killed_process_resumes_to_the_same_end(
    process, train, trained, learned, moment, signal, code
):
    killed = process(KILLED, moment, signal, *TINY_RING)
    assert killed.returncode == code, killed.stderr
    assert finished_epochs("runs/gan_ring") == 1
    path = train("gan_ring", "--epochs 3 --resume")
    assert learned(path) == learned(trained)
    names = {file.name for file in path.iterdir()}
    assert names == {"config.json", "env.json", "metrics.csv", "model.keras", "pictures", "samples"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vae_fashion", "dcgan_fashion"])
def test_what_a_kill_would_leave_resumes_to_the_same_end(train, learned, at_batch, name):
    # A copy of the directory in the middle of the second epoch is what a kill at once would leave.
    at_batch(3, lambda: shutil.copytree(f"runs/{name}", "killed"))
    path = train(name, "--epochs 2")
    assert finished_epochs("killed") == 1
    train(name, "--epochs 2 --run killed --resume")
    assert learned(Path("killed")) == learned(path)


def test_ctrl_c_says_how_to_go_on(train, fails, at_batch):
    at_batch(11, interrupt)
    code, message = fails(train, "gan_ring")
    assert (code, message) == (
        130,
        "stopped by Ctrl-C: runs/gan_ring keeps its 1 finished epoch(s); repeat the command with "
        "--resume to go on",
    )


def test_ctrl_c_before_the_first_epoch_says_so(train, fails, at_batch):
    at_batch(1, interrupt)
    code, message = fails(train, "gan_ring")
    assert (code, message) == (130, "stopped by Ctrl-C before the end of the first epoch")
    assert not Path("runs/gan_ring").exists()


def test_a_run_without_a_finished_epoch_resumes_from_the_start(path, train):
    (path / "model.keras").unlink()
    train("gan_ring", "--epochs 1 --resume")
    assert [row["epoch"] for row in read_metrics(path)] == ["1"]
    assert finished_epochs(path) == 1


def test_more_epochs_extend_a_run(path, train):
    train("gan_ring", "--epochs 4 --resume")
    assert [row["epoch"] for row in read_metrics(path)] == ["1", "2", "3", "4"]
    assert finished_epochs(path) == 4


def test_a_finished_run_resumes_to_itself(path, train, trained, learned):
    train("gan_ring", "--epochs 3 --resume")
    assert learned(path) == learned(trained)


def test_a_full_disk_keeps_the_state_of_the_epoch_before(path, train, trained, fails, at_batch):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    at_batch(1, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, limits[1])))
    try:
        code, message = fails(train, "gan_ring", "--epochs 4 --resume")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 1
    assert message.endswith(
        "Error: could not save epoch 4 in runs/gan_ring: File too large; the state of epoch 3 is "
        "intact. Make room, and go on with --resume"
    )
    assert (path / "model.keras").read_bytes() == (trained / "model.keras").read_bytes()


class Stub:
    """What a run needs of a model."""

    value, error = 0.0, None

    def sample(self, n, seed):
        return np.full((n, 2), self.value)

    def save(self, path):
        raise self.error


def end_of_first_epoch(model, loss=1.0):
    run = Run(Config(run="runs/stub"))
    *_, callback = run.callbacks(model)
    with pytest.raises(UserError) as error:
        callback.on_epoch_end(0, {"loss": loss})
    return error.value.message


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_disk_that_cannot_be_written_is_said(number):
    model = Stub()
    model.error = OSError(number, os.strerror(number))
    assert end_of_first_epoch(model) == (
        f"could not save epoch 1 in runs/stub: {os.strerror(number)}; no epoch was finished before. "
        "Make room, and go on with --resume"
    )


@pytest.mark.parametrize(
    ("value", "loss", "what"), [(np.nan, 1.0, "samples"), (0.0, np.inf, "loss"), (0.0, np.nan, "loss")]
)
def test_a_run_that_diverges_ends(value, loss, what):
    model = Stub()
    model.value = value
    assert end_of_first_epoch(model, loss) == (
        f"training diverged in epoch 1 of runs/stub: {what} NaN or infinite; no epoch was finished "
        "before. Try a smaller learning rate"
    )
