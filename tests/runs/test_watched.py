"""The recipes' runs are watched by the training doctor."""

import pytest

from kgen.runs.doctor_file import read_doctor


def names(path):
    return {finding["check"] for finding in read_doctor(path)["findings"]}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gan_ring", "vae_fashion", "dcgan_fashion"])
def test_a_run_that_diverges_says_why_in_its_directory(train, fails, name):
    code, message = fails(train, name, "--learning-rate 1e30")
    assert code == 1
    assert f"training diverged in epoch 1 of runs/{name}" in message
    assert names(f"runs/{name}") == {"NaN"}


def test_a_run_on_a_mixture_says_that_modes_are_lost(train):
    assert "lost modes" in names(train("gan_ring", "--epochs 5"))
