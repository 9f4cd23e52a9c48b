"""kgen evaluate, report and leaderboard, on real runs."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from kgen.cli import main
from kgen.errors import UserError
from kgen.evaluation import leaderboard
from kgen.metrics import Card
from kgen.runs import load_model, read_env, read_metrics

CARDS = ["sliced_wasserstein", "wasserstein", "mmd", "two_sample_accuracy", "modes_covered"]


def kgen(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def edit(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.fixture(scope="session")
def measured(trained, tmp_path_factory):
    """The trained run, evaluated, and what was printed: not to be changed."""
    path = Path(shutil.copytree(trained, tmp_path_factory.mktemp("measured") / "gan_ring"))
    result = kgen("evaluate", path, "--samples", 1000, "--seed", 3)
    assert result.exit_code == 0, result.output
    return path, result.stdout


@pytest.fixture
def points(path):
    """Samples of the run, in a file."""
    np.savez("points.npz", samples=load_model(path).sample(1000, seed=3))
    return "points.npz"


@pytest.mark.parametrize("name", CARDS)
def test_the_table_has_a_line_for_each_card(measured, name):
    path, printed = measured
    head, *lines = printed.splitlines()
    assert head.split() == ["metric", str(path), "floor", "ceiling"]
    (line,) = [line for line in lines if line.startswith((f"{name} ↑", f"{name} ↓"))]
    assert line.index("±") > head.index(str(path))


def test_evaluation_json_holds_the_cards(measured):
    path, _ = measured
    content = json.loads((path / "evaluation.json").read_text())
    cards = [Card.from_dict(card) for card in content["cards"]]
    assert [card.metric for card in cards][:5] == CARDS
    assert {card.data for card in cards} == {"ring8/train"}
    assert {key: content[key] for key in ("samples", "seed", "epoch", "data", "backend")} == {
        "samples": 1000,
        "seed": 3,
        "epoch": 3,
        "data": "ring8/train",
        "backend": keras.backend.backend(),
    }


@pytest.mark.slow
def test_samples_in_a_file_are_measured_like_the_model_that_drew_them(measured, points):
    result = kgen("evaluate", points, "--against", "ring8", "--seed", 3)
    shares = [
        [line.split()[2] for line in text.splitlines() if line.startswith("high_quality_share ↑")]
        for text in (measured[1], result.stdout)
    ]
    assert shares[0] == shares[1]


@pytest.fixture
def folders():
    """Images of noise: `made`, and `real`, which are smaller."""
    for folder, side, seed in (("made", 10, 0), ("real", 4, 1)):
        Path(folder).mkdir()
        pixels = np.random.default_rng(seed).integers(0, 256, (60, side, side), np.uint8)
        for number, image in enumerate(pixels):
            Image.fromarray(image).save(f"{folder}/{number}.png")


def test_images_of_another_size_are_resized_only_where_that_is_asked_for(folders):
    refused = kgen("evaluate", "made", "--against", "real")
    assert refused.exit_code == 1
    assert "its images are 10x10x1, those of real 4x4x1: --resize brings them" in refused.output
    measured = kgen("evaluate", "made", "--against", "real", "--resize")
    assert measured.exit_code == 0
    assert "n = 60 against 60, real/train, features pixels, resized: bicubic" in measured.output


def test_a_warning_is_one_note(folders):
    result = kgen("evaluate", "made", "--against", "real", "--resize")
    notes = [line for line in result.stderr.splitlines() if line.startswith("note: ")]
    assert len(notes) == len(set(notes)) > 0
    assert "UserWarning" not in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("evaluate runs/none", "runs/none is not a run, it has no config.json and env.json"),
        ("evaluate points.npz", "points.npz is not a run: to evaluate samples, add --against DATA"),
        ("evaluate runs/gan_ring --resize", "give --against DATA"),
        ("evaluate points.npz --against rin8", "did you mean 'ring8'"),
        ("evaluate points.npz --against fashion_mini/test", "are they of other data"),
        ("evaluate points.npz --against ring8 --features pixels", "feature networks are for images"),
        ("evaluate none.npz --against ring8", "expected a run, a folder of images, or an .npz file"),
        ("leaderboard --add runs/gan_ring", "runs/gan_ring was trained without --minutes"),
        ("report runs/none", "runs/none is not a run"),
    ],
)
def test_mistakes_are_explained(points, words, message):
    result = kgen(*words.split())
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output


def test_runs_of_different_data_are_not_put_in_one_table(path):
    other = Path(shutil.copytree(path, "runs/other"))
    edit(other / "config.json", data="grid25")
    result = kgen("evaluate", path, other)
    assert result.exit_code == 1
    assert "different data, their numbers do not compare: runs/gan_ring on 512 examples of ring8" in (
        result.output
    )
    assert not (path / "evaluation.json").exists()


def test_report_hands_over(path, monkeypatch):
    monkeypatch.setattr("kgen.report.write_report", lambda runs, out: (*runs, out))
    result = kgen("report", path, "--out", "page.html")
    assert result.exit_code == 0
    assert "page.html" in result.output and "runs/gan_ring" in result.output


def test_a_run_stops_after_its_minutes(train):
    path = train("gan_ring", "--epochs 500 --minutes 0.0001")
    assert len(read_metrics(path)) == 1


def test_minutes_must_be_above_zero(fails, train):
    code, message = fails(train, "gan_ring", "--minutes 0")
    assert (code, "expected minutes > 0, got 0" in message) == (2, True)


@pytest.fixture
def timed(measured):
    """The evaluated run, as if it had been trained for five minutes."""
    path = Path(shutil.copytree(measured[0], "runs/timed"))
    edit(path / "config.json", minutes=5.0)
    return path


def test_a_result_holds_the_run_and_what_was_measured(timed):
    file = leaderboard.add(timed, Path("results"))
    assert file.name == "gan_ring-ring8-5min.json"
    result = json.loads(file.read_text())
    seconds = sum(float(row["seconds"]) for row in read_metrics(timed))
    assert result["minutes"] == round(seconds / 60, 2)
    assert result["parameters"] == (16 * 8 + 8 + 8 * 8 + 8 + 8 * 2 + 2) + (
        2 * 8 + 8 + 8 * 8 + 8 + 8 + 1
    )
    assert result["samples_per_second"] > 0
    assert result["config"]["hidden"] == [8, 8]
    assert [card["metric"] for card in result["cards"]][:5] == CARDS


def test_a_result_of_other_cores_is_refused(timed):
    trained = read_env(timed)["cores"]
    edit(timed / "env.json", cores=trained + 1)
    with pytest.raises(UserError, match=f"was trained on {trained + 1} cores, and .* on {trained}:"):
        leaderboard.add(timed, Path("results"))
    assert not Path("results").exists()


def test_a_result_needs_an_evaluation_of_the_last_epoch(timed):
    edit(timed / "evaluation.json", epoch=2)
    result = kgen("leaderboard", "--add", timed)
    assert result.exit_code == 1
    assert "runs/timed is not evaluated since its last epoch: kgen evaluate runs/timed" in result.output
