"""The table of results, written from result files."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kgen.cli import main
from kgen.errors import UserError
from kgen.evaluation import leaderboard
from kgen.metrics import Card
from kgen.runs import recipe


def result(name, frechet, minutes=5.0, data="fashion_mini", **changes):
    common = {"samples": 10_000, "reference": 10_000, "data": f"{data}/train"}
    common |= {"features": "fashion_classifier", "features_sha256": "ab" * 32}
    cards = [
        Card(metric="frechet_distance", value=frechet, error=0.12, **common | changes),
        Card(metric="precision", value=0.5, error=0.01, higher_is_better=True, **common),
    ]
    return {
        "config": {"recipe": name, "data": data, "minutes": minutes},
        "env": {"backend": "jax"},
        "epochs": 9,
        "minutes": 4.96,
        "cards": [card.to_dict() for card in cards],
        "parameters": 1_234_567,
        "samples_per_second": 432.1,
        "cores": 2,
    }


@pytest.fixture
def write(tmp_path):
    """Writes results into a folder, and reads them."""

    def write(*results):
        for number, content in enumerate(results):
            (tmp_path / f"{number}.json").write_text(json.dumps(content))
        return leaderboard.read_results(tmp_path)

    return write


def test_a_row_says_everything(write):
    text = leaderboard.section(write(result("vae", 17.62)))
    assert text.splitlines() == [
        "fashion_mini, 5 minutes of training; 10000 samples against 10000 of fashion_mini/train, "
        "features fashion_classifier `abababababab`:",
        "",
        "| recipe | Fréchet | kernel | precision | recall | bits/dim | samples/s | parameters "
        "| minutes | cores | backend |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        "| `vae` | 17.62 ± 0.12 | – | 0.500 ± 0.010 | – | – | 432 | 1,234,567 | 5.0 | 2 | jax |",
    ]


def test_the_best_comes_first(write):
    text = leaderboard.section(write(result("worse", 20.0), result("better", 10.0)))
    assert text.index("`better`") < text.index("`worse`")


def test_a_table_holds_runs_of_equal_minutes_on_one_data_set(write):
    results = [result("a", 1.0), result("b", 1.0, minutes=10.0), result("c", 1.0, data="fashion_mnist")]
    text = leaderboard.section(write(*results))
    heads = [line.partition(" minutes")[0] for line in text.splitlines() if "of training" in line]
    assert heads == ["fashion_mini, 5", "fashion_mini, 10", "fashion_mnist, 5"]


@pytest.mark.parametrize("change", [{"samples": 5000}, {"features_sha256": "cd" * 32}])
def test_results_measured_differently_are_not_put_in_one_table(write, change):
    with pytest.raises(UserError, match="a, b were measured with different samples, features or data"):
        leaderboard.section(write(result("a", 1.0), result("b", 2.0, **change)))


def test_a_damaged_result_is_named(tmp_path):
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(UserError, match=r"bad.json is no result of kgen leaderboard --add"):
        leaderboard.read_results(tmp_path)


def test_the_section_goes_between_its_marks(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"# Before\n{leaderboard.BEGIN}\nold\n{leaderboard.END}\nafter\n")
    leaderboard.write_section(readme, "new\n")
    once = readme.read_text()
    assert once == f"# Before\n{leaderboard.BEGIN}\n\nnew\n\n{leaderboard.END}\nafter\n"
    leaderboard.write_section(readme, "new\n")
    assert readme.read_text() == once


def test_a_file_without_marks_is_an_error(tmp_path):
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(UserError, match="has no lines"):
        leaderboard.write_section(tmp_path / "README.md", "new\n")


def test_the_command_shows_and_writes_the_section(tmp_path, monkeypatch):
    (tmp_path / "README.md").write_text(f"{leaderboard.BEGIN}\n{leaderboard.END}\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.json").write_text(json.dumps(result("a", 1.0)))
    monkeypatch.setattr(recipe, "folder", lambda: tmp_path)
    shown = CliRunner().invoke(main, ["leaderboard"]).output
    assert "`a`" in shown
    assert CliRunner().invoke(main, ["leaderboard", "--write"]).exit_code == 0
    assert shown in (tmp_path / "README.md").read_text()


def test_the_committed_section_is_what_the_command_writes():
    folder = Path(recipe.folder())
    text = (folder / "README.md").read_text(encoding="utf-8")
    section = leaderboard.section(leaderboard.read_results(folder / "results"))
    assert f"{leaderboard.BEGIN}\n\n{section}\n{leaderboard.END}" in text
