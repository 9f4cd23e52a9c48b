import sys

import families
import keras
import pytest
from export_models import Walk, model_of, walk

import kgen
from kgen.export.process import write_in_tensorflow
from kgen.export.target import new_directory


@pytest.fixture
def target(tmp_path):
    return tmp_path / "model"


@pytest.mark.parametrize(
    ("missing", "format"),
    [("tensorflow", "tf_saved_model"), ("tensorflow", "onnx"), ("tf2onnx", "onnx")],
)
def test_a_missing_package_is_named_with_what_to_install(target, monkeypatch, missing, format):
    model = model_of("walk")
    monkeypatch.setitem(sys.modules, missing, None)  # what Python takes for "not installed"
    with pytest.raises(ImportError, match=rf'{missing}: pip install "kgen\[export\]"'):
        model.export(target, format=format)
    assert not target.exists()


def test_an_unknown_format_is_an_error_that_lists_the_known(target):
    with pytest.raises(ValueError, match=r"'torchscript'.*'tf_saved_model', 'onnx'"):
        walk().export(target, format="torchscript")


def test_a_model_without_endpoints_says_so(target):
    class Silent(kgen.GenerativeModel):
        """No `generate`."""

    with pytest.raises(ValueError, match="Silent lists no endpoints"):
        Silent().export(target)
    assert not list(target.parent.iterdir())


def test_an_existing_target_is_an_error(target):
    target.mkdir()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        walk().export(target)


@pytest.mark.parametrize("name", ["saved_model.pb", "generate.onnx"])
def test_overwrite_replaces_an_export(target, name):
    target.mkdir()
    (target / name).touch()
    with new_directory(target, overwrite=True) as directory:
        (directory / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("name", ["thesis.tex", "holiday.jpg"])
def test_overwrite_replaces_nothing_else(target, name):
    target.mkdir()
    (target / name).touch()
    with pytest.raises(FileExistsError, match="not an export"):
        walk().export(target, overwrite=True)
    assert (target / name).exists()


def test_a_failure_leaves_the_earlier_export(target):
    target.mkdir()
    (target / "generate.onnx").touch()
    with pytest.raises(OSError, match="disk full"), new_directory(target, True) as directory:
        (directory / "new").touch()
        raise OSError("disk full")
    assert list(target.parent.iterdir()) == [target]
    assert [path.name for path in target.iterdir()] == ["generate.onnx"]


def test_parents_of_the_target_are_made(target):
    with new_directory(target / "v1" / "onnx", overwrite=False):
        pass
    assert (target / "v1" / "onnx").is_dir()


def test_a_class_inside_a_function_is_out_of_reach(target):
    class Local(Walk):
        """No other process can import it."""

    model = Local(kgen.networks.mlp(2, 2))
    with pytest.raises(TypeError, match="cannot import Local: it is defined inside a function"):
        write_in_tensorflow(model, target, "onnx", jit_compile=False)


def test_a_class_of_the_running_script_is_out_of_reach(target, monkeypatch):
    monkeypatch.setattr(Walk, "__module__", "__main__")
    with pytest.raises(TypeError, match="Walk: it is defined in the script"):
        write_in_tensorflow(walk(), target, "onnx", jit_compile=False)


@pytest.mark.slow
def test_what_onnx_cannot_express_is_an_error(target):
    keras.config.set_dtype_policy("mixed_bfloat16")
    # RuntimeError, quoting the ValueError, where another process writes the file
    with pytest.raises((ValueError, RuntimeError), match="'generate' cannot be written as ONNX"):
        families.gan().export(target, format="onnx")
    assert not list(target.parent.iterdir())


@pytest.mark.slow
def test_a_failure_of_the_other_process_shows_what_it_said(target, monkeypatch):
    monkeypatch.setattr(Walk, "__module__", "a_module_that_is_nowhere")
    with pytest.raises(RuntimeError, match="No module named 'a_module_that_is_nowhere'"):
        write_in_tensorflow(walk(), target, "onnx", jit_compile=False)
