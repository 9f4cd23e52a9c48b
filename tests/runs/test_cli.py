"""The command `kgen`."""

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from kgen import Diffusion, networks
from kgen.cli import main
from kgen.runs import Run, load_model, recipe

RUN = "from kgen.cli import main; main({words!r}, 'kgen', standalone_mode=False)"
HELP = f"""
import sys
try:
    {RUN}
except SystemExit:
    pass
sys.exit(str({{{{'keras', 'tensorflow', 'jax', 'torch', 'matplotlib'}}}} & set(sys.modules)))
"""


def kgen(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def before_epochs(path):
    (path / "model.keras").unlink()
    return path


@pytest.mark.parametrize(
    "words",
    ["--help", "list", "train --help", "train gan_ring --help", "sample --help", "export --help"],
)
def test_help_loads_nothing_heavy(process, words):
    result = process("-c", HELP.format(words=words.split()))
    assert result.stderr.strip() == "set()"
    assert result.stdout


@pytest.mark.parametrize("name", [*recipe.summaries(), "ring8", "fashion_mnist", "tfds:NAME"])
def test_list_names_recipes_and_data(name):
    assert name in kgen("list").output


def test_list_shows_the_first_line_of_each_recipe():
    assert recipe.summaries()["gan_ring"] in kgen("list").output


def test_train_help_shows_the_fields(capsys):
    result = kgen("train", "gan_ring", "--help")
    assert result.exit_code == 0
    assert "--latent-dim" in result.output and "--learning-rate" in result.output


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("train gan_rin", 1, "Error: unknown recipe 'gan_rin': did you mean 'gan_ring'"),
        ("train gan_ring --epchs 2", 2, "Unrecognized options: --epchs, 2"),
        ("train gan_ring --data moons", 2, "moons"),
        ("train gan_ring --backend numpy", 1, "two backends asked at once"),
        ("train", 2, "Missing argument 'NAME'"),
        ("sample runs/none", 1, "runs/none is not a run, it has no config.json and env.json"),
        ("export runs/none", 1, "runs/none is not a run, it has no config.json and env.json"),
    ],
)
def test_mistakes_are_explained(words, code, message):
    result = kgen(*words.split())
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output


@pytest.mark.every_backend
@pytest.mark.slow
def test_train_does_what_the_script_does(process, trained, learned, tmp_path):
    options = ["--examples", "512", "--batch-size", "64", "--hidden", "8", "8", "--epochs", "3"]
    backend = keras.backend.backend()
    by_name = process("-m", "kgen.cli", "train", "gan_ring", "--backend", backend, *options)
    assert by_name.returncode == 0, by_name.stderr
    script = process(recipe.folder() / "gan_ring.py", *options, "--run", "script")
    assert script.returncode == 0, script.stderr
    assert learned(tmp_path / "runs/gan_ring") == learned(tmp_path / "script") == learned(trained)


def test_sample_writes_a_picture(path):
    result = kgen("sample", path, "-n", 16)
    assert (result.exit_code, result.output) == (0, "wrote runs/gan_ring/samples.png\n")
    assert Image.open(path / "samples.png").size == (400, 400)


def test_sample_writes_an_array(path):
    kgen("sample", path, "-n", 5, "--seed", 3, "--out", "points.npz")
    samples = np.load("points.npz")["samples"]
    np.testing.assert_array_equal(samples, load_model(path).sample(5, seed=3))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The run of a model that is told classes."""
    path = tmp_path_factory.mktemp("runs") / "told"
    config = recipe.Config(data="pinwheel", examples=64, run=str(path))
    data, run = config.load(), Run(config)
    network = networks.residual_mlp(2, 8, 1, classes=5)
    model = Diffusion(network, classes=5, label_dropout=0.1)
    model.compile("adam")
    model.fit(data.batches(32, labels=True), verbose=0, callbacks=run.callbacks(model))
    return path


def test_sample_asks_for_classes_with_guidance(told):
    words = ["--labels", "4,0", "--guidance", 2, "--steps", 3, "--out", "points.npz"]
    assert kgen("sample", told, "-n", 5, *words).exit_code == 0
    file, labels = np.load("points.npz"), [4, 0, 4, 0, 4]
    np.testing.assert_array_equal(file["labels"], labels)
    expected = load_model(told).sample(5, labels=labels, guidance=2.0, steps=3, seed=0)
    np.testing.assert_array_equal(file["samples"], expected)


def test_sample_asks_for_all_classes_in_turn(told):
    assert kgen("sample", told, "-n", 7, "--labels", "all", "--out", "points.npz").exit_code == 0
    np.testing.assert_array_equal(np.load("points.npz")["labels"], [0, 1, 2, 3, 4, 0, 1])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--labels one",
            "--labels one: expected all, or numbers 0 ... 4 with commas, such as 3 or 0,5",
        ),
        ("--labels 6", "told: expected labels 0 ... 4, or 5 for no label, got 6"),
        ("--guidance 1", "told: guidance leads to a class or a context"),
        ("--temperature 0.5", "told, Diffusion, takes none"),
    ],
)
def test_sample_explains_what_a_model_cannot_be_asked(told, words, message):
    result = kgen("sample", told, *words.split())
    assert result.exit_code == 1
    assert message in result.output


def test_sample_asks_no_classes_of_a_model_without(path):
    result = kgen("sample", path, "--labels", "all")
    assert (result.exit_code, result.output) == (
        1,
        "Error: --labels: the model of runs/gan_ring, GAN, takes none\n",
    )


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("points.txt", "Error: --out points.txt: expected a name that ends in .png or .npz\n"),
        ("none/points.npz", "Error: cannot write none/points.npz: No such file or directory\n"),
        ("none/points.png", "Error: cannot write none/points.png: No such file or directory\n"),
    ],
)
def test_sample_says_where_it_cannot_write(path, out, message):
    result = kgen("sample", path, "--out", out)
    assert (result.exit_code, result.output) == (1, message)


@pytest.mark.parametrize("command", ["sample", "export"])
def test_a_truncated_model_is_an_error(path, command):
    state = path / "model.keras"
    state.write_bytes(state.read_bytes()[:1000])
    result = kgen(command, path)
    assert result.exit_code == 1
    assert "runs/gan_ring/model.keras is damaged (File is not a zip file)" in result.output


@pytest.mark.parametrize("command", ["sample", "export"])
def test_a_run_without_epochs_is_an_error(before_epochs, command):
    result = kgen(command, before_epochs)
    assert (result.exit_code, result.output) == (
        1,
        "Error: runs/gan_ring has no finished epoch yet: go on training with --resume\n",
    )


def test_sample_refuses_two_backends(path):
    result = kgen("sample", path, "--backend", "theano")
    assert result.exit_code == 1
    assert "two backends asked at once" in result.output


@pytest.mark.slow
def test_sample_takes_the_backend_of_the_run(process, path, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND")
    script = RUN.format(words=["sample", str(path)]) + "; print(sys.modules['keras'].config.backend())"
    assert process("-c", f"import sys; {script}").stdout.split()[-1] == keras.backend.backend()


@pytest.mark.parametrize(
    ("words", "out", "options"),
    [
        ([], "saved_model", ("tf_saved_model", False, True)),
        (["--format", "onnx"], "onnx", ("onnx", False, True)),
        (["--overwrite", "--no-jit-compile"], "saved_model", ("tf_saved_model", True, False)),
    ],
    ids=["default", "onnx", "options"],
)
def test_export_hands_over_to_the_model(path, monkeypatch, words, out, options):
    calls = []
    monkeypatch.setattr("kgen.GAN.export", lambda model, *arguments: calls.append(arguments))
    result = kgen("export", path, *words)
    assert (result.exit_code, result.output) == (0, f"wrote runs/gan_ring/{out}\n")
    assert calls == [(path / out, *options)]


def test_export_says_what_is_in_the_way(path):
    (path / "saved_model").mkdir()
    result = kgen("export", path)
    assert (result.exit_code, result.output) == (
        1,
        "Error: runs/gan_ring/saved_model exists: choose another directory with --out, or add "
        "--overwrite\n",
    )
