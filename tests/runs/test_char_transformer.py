"""The recipe of texts, small: it trains, writes, and its model comes back."""

import numpy as np
from click.testing import CliRunner

from kgen.cli import main
from kgen.runs import load_model
from kgen.runs.files import read_metrics


def test_it_writes_and_keeps_the_model(train):
    path = train("char_transformer", "--epochs 1")
    written = (path / "samples" / "epoch_0001.txt").read_text().split("\n---\n")
    assert [len(text) for text in written] == [16] * 4
    assert load_model(path).sample(2, seed=0).shape == (2, 16)


def test_it_resumes(train):
    train("char_transformer", "--epochs 1")
    path = train("char_transformer", "--epochs 2 --resume")
    assert [row["epoch"] for row in read_metrics(path)] == ["1", "2"]


def test_tokens_are_drawn_as_an_array_and_not_as_a_picture(train):
    path = train("char_transformer", "--epochs 1")
    assert CliRunner().invoke(main, ["sample", str(path), "-n", "3", "--out", "a.npz"]).exit_code == 0
    assert np.load("a.npz")["samples"].shape == (3, 16)
    result = CliRunner().invoke(main, ["sample", str(path)])
    assert result.exit_code == 1
    assert "samples of shape (64, 16) are no picture: --out NAME.npz" in result.output


def test_a_text_that_is_not_there_is_an_error(train, fails):
    code, message = fails(train, "char_transformer", "--data nowhere.txt")
    assert (code, "there is no text nowhere.txt" in message) == (1, True)
