"""Recipes on the command line: options, mistakes, and what every recipe file promises."""

import ast
import dataclasses
import sys
from dataclasses import dataclass

import pytest

from kgen.errors import UserError
from kgen.runs import recipe

NAMES = sorted(recipe.summaries())


@dataclass(frozen=True)
class Options(recipe.Config):
    """Options of no recipe."""

    rate: float = 0.5
    """A number."""


def source(name):
    return (recipe.folder() / f"{name}.py").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_short(name):
    assert len(source(name).splitlines()) <= 80


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_ends_in_fit(name):
    main = next(n for n in ast.parse(source(name)).body if getattr(n, "name", "") == "main")
    last = ast.unparse(main.body[-1]).splitlines()[-1].strip()
    assert last.startswith(("model.fit(", "show(kgen.fit_together("))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("line", ["Paper: ", "Command: ", "Time: ", "Target: ", "Measured: "])
def test_a_recipe_says_what_to_expect(name, line):
    assert f"\n{line}" in ast.get_docstring(ast.parse(source(name)))


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_has_a_frozen_config_and_explains_its_options(name):
    config = recipe.load(name).Config()
    assert config.recipe == name
    assert config.directory.as_posix() == f"runs/{name}"
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.epochs = 3


def test_options_become_the_config():
    seen = []
    recipe.cli(
        seen.append, Options, ["--rate", "0.25", "--epochs", "3", "--resume", "--jit-compile", "True"]
    )
    assert seen == [Options(rate=0.25, epochs=3, resume=True, jit_compile=True)]


def test_an_unknown_option_is_an_error_that_names_the_close_one(fails):
    code, message = fails(recipe.cli, print, Options, ["--epchs", "3"])
    assert code == 2
    assert "Unrecognized options: --epchs" in message and "--epochs INT" in message


def test_a_value_of_the_wrong_type_is_an_error(fails):
    code, message = fails(recipe.cli, print, Options, ["--epochs", "many"])
    assert code == 2
    assert "--epochs" in message and "many" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--epochs 0", "expected epochs >= 1, got 0"),
        ("--batch-size 0", "expected batch_size >= 1, got 0"),
        ("--examples 0", "expected examples >= 1, got 0"),
        ("--seed -1", "expected seed >= 0, got -1"),
    ],
)
def test_a_number_too_small_is_an_error(fails, options, message):
    code, said = fails(recipe.cli, print, Options, options.split())
    assert code == 2
    assert message in said


def test_a_threshold_that_makes_one_colour_is_an_error(fails, tmp_path):
    module = recipe.load("pixelcnn_mnist")
    words = f"--threshold 1.5 --examples 8 --run {tmp_path / 'run'}".split()
    code, said = fails(recipe.cli, module.main, module.Config, words)
    assert code == 1
    assert "expected a threshold in (0, 1), got 1.5" in said
    assert not (tmp_path / "run").exists()


def test_bugs_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        recipe.cli(lambda config: 1 / 0, Options, [])


def test_an_unknown_data_set_names_the_close_one():
    with pytest.raises(UserError, match=r"--data fashion_min: .* did you mean 'fashion_mini'"):
        Options(data="fashion_min").load()


def test_too_many_examples_are_an_error():
    with pytest.raises(UserError, match=r"--data fashion_mini: .*20000"):
        Options(examples=20_000).load()


@pytest.mark.parametrize(("split", "size"), [("train", 3000), ("test", 2000)])
def test_examples_limit_each_split(split, size):
    assert len(Options(examples=3000).load(split)) == size


@pytest.mark.parametrize("name", ["gan_rin", "nowhere.py"])
def test_an_unknown_recipe_is_an_error(name):
    with pytest.raises(UserError, match=f"unknown recipe '{name}': (did you mean 'gan_ring'|known)"):
        recipe.load(name)


def test_a_script_of_ones_own_is_a_recipe(tmp_path):
    (tmp_path / "mine.py").write_text(source("gan_ring"))
    assert recipe.load(str(tmp_path / "mine.py")).Config().recipe == "mine"


@pytest.mark.parametrize(
    ("environment", "asked", "message"),
    [
        ("jax", "torch", "two backends asked at once: KERAS_BACKEND=jax in the environment and "
         "--backend torch: leave one of them out"),
        ("jaxx", None, "KERAS_BACKEND=jaxx: did you mean 'jax'?"),
        ("numpy", None, "KERAS_BACKEND=numpy: known: jax, tensorflow, torch"),
        ("torc", "torc", "KERAS_BACKEND=torc: did you mean 'torch'?"),
    ],
)  # fmt: skip
def test_a_backend_that_cannot_be_is_an_error(monkeypatch, environment, asked, message):
    monkeypatch.setenv("KERAS_BACKEND", environment)
    with pytest.raises(UserError) as error:
        recipe.choose_backend(asked)
    assert error.value.message == message


def test_a_backend_that_is_not_installed_is_an_error(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(UserError, match=r"the backend jax is not installed: pip install 'kgen\[jax\]'"):
        recipe.choose_backend("jax")


@pytest.mark.parametrize("name", recipe.BACKENDS)
def test_a_default_backend_that_is_not_installed_is_an_error(fails, name):
    def main(config):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    code, message = fails(recipe.cli, main, Options, [])
    assert code == 1
    assert message.startswith(f"Error: the backend {name} is not installed: pip install")


def test_another_missing_module_keeps_its_traceback():
    def main(config):
        raise ModuleNotFoundError("No module named 'scipy'", name="scipy")

    with pytest.raises(ModuleNotFoundError, match="scipy"):
        recipe.cli(main, Options, [])
