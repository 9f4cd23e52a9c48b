"""What a run directory holds, and what is said where it does not fit."""

import csv
import json
import os
import re
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import kgen
from kgen.errors import UserError
from kgen.evaluation import evaluate_runs
from kgen.runs import Config, Run, finished_epochs, load_model, read_config, read_env, read_metrics


def edit(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def truncate(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file):
    """Turns the bits of one byte in the middle of the largest part."""
    with zipfile.ZipFile(file) as archive:
        part = max(archive.infolist(), key=lambda info: info.file_size)
    content = bytearray(file.read_bytes())
    content[part.header_offset + part.file_size // 2] ^= 0xFF
    file.write_bytes(content)


def save_over(file):
    kgen.GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1)).save(file)


def test_config_names_the_recipe_and_every_option(path):
    config = read_config(path)
    assert (config["recipe"], config["epochs"], config["hidden"]) == ("gan_ring", 3, [8, 8])
    assert not {"run", "resume"} & set(config)


def test_env_says_what_it_ran_on(path):
    env = read_env(path)
    assert (env["backend"], env["seed"]) == (keras.backend.backend(), 0)
    assert env["versions"]["keras"] == keras.__version__
    assert env["cores"] in range(1, os.cpu_count() + 1)
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", env["git"] or "0" * 40)


def test_metrics_have_a_row_an_epoch(path):
    with open(path / "metrics.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[0] == "epoch" and header[-1] == "seconds"
    assert {"generator_loss", "discriminator_loss", "modes_covered", "high_quality_share"} < set(header)
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert np.isfinite(np.array(rows, "float64")).all()


def test_an_epoch_has_a_picture(path):
    names = sorted(file.name for file in (path / "samples").iterdir())
    assert names == ["epoch_0001.png", "epoch_0002.png", "epoch_0003.png"]
    assert Image.open(path / "samples" / "epoch_0001.png").size == (400, 400)


def test_the_model_loads(path):
    assert load_model(path).sample(3, seed=0).shape == (3, 2)
    assert finished_epochs(path) == 3


def test_the_state_loads_with_keras_alone(path):
    model = keras.saving.load_model(path / "model.keras")
    np.testing.assert_array_equal(model.sample(3, seed=0), load_model(path).sample(3, seed=0))


@pytest.mark.slow
def test_pictures_of_ones_own_train_a_model(train):
    generator = np.random.default_rng(0)
    for k in range(100):
        path = Path("pictures", "test" if k % 5 == 0 else "train", f"{k}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        height = 20 + k % 3
        Image.fromarray(generator.integers(0, 256, (height, 24, 3), "uint8")).save(path)
    path = train("vae_fashion", "--data pictures --resolution 16 --epochs 1")
    assert load_model(path).sample(2, seed=0).shape == (2, 16, 16, 3)
    (cards,) = evaluate_runs([path], samples=64)
    assert {card.reference for card in cards} == {64, None}
    assert (path / "pictures" / "reconstructions.png").exists()


def test_a_directory_that_holds_a_run_is_not_overwritten(path, train, fails):
    before = (path / "model.keras").read_bytes()
    code, message = fails(train, "gan_ring")
    assert (code, message) == (
        1,
        "Error: runs/gan_ring exists already: go on with its run by --resume, choose another "
        "directory with --run, or remove it",
    )
    assert (path / "model.keras").read_bytes() == before


def test_a_directory_that_holds_something_else_is_not_touched(train, fails, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    code, message = fails(train, "gan_ring", f"--run {tmp_path}")
    assert code == 1
    assert "exists already: choose another directory with --run, or remove it" in message


def test_a_mistake_leaves_no_directory_in_the_way(train, fails):
    code, message = fails(train, "vae_fashion", "--data fashion_mimi")
    assert (code, message.startswith("Error: --data fashion_mimi: unknown data set")) == (1, True)
    train("vae_fashion", "--epochs 1")
    assert finished_epochs("runs/vae_fashion") == 1


def test_a_mistake_on_resume_leaves_the_run(path, train, fails):
    for name in ("model.keras", "metrics.csv"):
        (path / name).unlink()
    fails(train, "gan_ring", "--epochs 3 --learning-rate 0.25 --resume")
    assert read_config(path)["learning_rate"] == 0.002


def test_an_empty_directory_is_taken(tmp_path):
    (tmp_path / "empty").mkdir()
    run = Run(Config(run="empty"))
    assert run.epoch == 0
    assert read_config("empty")["recipe"] == "recipe"


def test_a_run_below_a_file_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write the run directory file/run: Not a directory"):
        Run(Config(run="file/run"))


def test_another_config_is_not_resumed(path, train, fails):
    code, message = fails(train, "gan_ring", "--epochs 3 --learning-rate 0.25 --seed 5 --resume")
    assert code == 1
    assert message.startswith(
        "Error: runs/gan_ring was started with another config: learning_rate was 0.002 and is "
        "0.25 now, seed was 0 and is 5 now; repeat its options"
    )


def test_another_recipe_is_not_resumed(path, train, fails):
    code, message = fails(train, "dcgan_fashion", "--run runs/gan_ring --resume")
    assert code == 1
    assert "recipe was 'gan_ring' and is 'dcgan_fashion' now" in message


def test_another_backend_is_not_resumed(path, train, fails):
    edit(path / "env.json", backend="theano")
    code, message = fails(train, "gan_ring", "--epochs 3 --resume")
    assert code == 1
    assert f"was started on theano, and this is {keras.backend.backend()}: set KERAS_BACKEND" in message


def test_other_versions_are_noted(path, train, capsys):
    edit(path / "env.json", versions=read_env(path)["versions"] | {"numpy": "0.9"})
    train("gan_ring", "--epochs 3 --resume")
    assert "note: numpy was 0.9, is" in capsys.readouterr().err


def test_fewer_epochs_than_there_are_is_an_error(path, train, fails):
    code, message = fails(train, "gan_ring", "--epochs 2 --resume")
    assert (code, message) == (
        1,
        "Error: runs/gan_ring has 3 epochs already, more than the 2 asked for with --epochs",
    )


def test_resuming_what_is_no_run_names_those_nearby(path, train, fails):
    code, message = fails(train, "gan_ring", "--run runs/gan_rong --resume")
    assert (code, message) == (
        1,
        "Error: runs/gan_rong is not a run, it has no config.json and env.json: did you mean "
        "'runs/gan_ring'?",
    )


@pytest.mark.parametrize(
    ("damage", "trouble"),
    [
        (truncate, "File is not a zip file"),
        (flip, "its part model.weights.h5 is corrupt"),
        (save_over, "it was not written by a run"),
    ],
)
def test_a_damaged_state_is_said(path, train, fails, damage, trouble):
    damage(path / "model.keras")
    with pytest.raises(UserError, match=rf"runs/gan_ring/model.keras is damaged \({trouble}"):
        load_model(path)
    code, message = fails(train, "gan_ring", "--epochs 3 --resume")
    assert code == 1
    assert "put a copy back, or remove runs/gan_ring and train again" in message


def test_a_damaged_config_is_said(path):
    truncate(path / "config.json")
    with pytest.raises(UserError, match=r"runs/gan_ring/config.json is damaged"):
        read_config(path)


def test_metrics_of_a_run_without_epochs_are_empty(tmp_path):
    assert read_metrics(tmp_path) == []
