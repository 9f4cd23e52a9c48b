"""What a user meets before any backend: imports, rooms, the documentation's own examples."""

import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "kgen").rglob("*.py"))
BACKENDS = ("tensorflow", "jax", "torch")


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment
    )


def test_importing_kgen_loads_no_backend_and_changes_no_state():
    code = (
        "import os, sys, warnings; before = dict(os.environ), warnings.filters[:]; import kgen;"
        "assert (dict(os.environ), warnings.filters[:]) == before;"
        "heavy = {'keras', 'tensorflow', 'jax', 'torch', 'matplotlib'} & set(sys.modules);"
        "assert not heavy, heavy; import random; s = random.getstate(); kgen.data; "
        "assert random.getstate() == s"
    )
    result = python(code)
    assert result.returncode == 0, result.stderr


ORDERS = (
    *("import kgen, keras", "import keras, kgen", "import kgen.distributions, keras"),
    *("import kgen.data, keras", "from kgen.core import EMA; import keras"),
)


@pytest.mark.parametrize("order", ORDERS)
def test_load_model_finds_kgens_classes_in_any_order_of_imports(order, tmp_path):
    make = (
        "import kgen; m = kgen.GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1)); "
        f"m.compile('adam'); m.save({str(tmp_path / 'm.keras')!r})"
    )
    load = f"{order}; print(type(keras.saving.load_model({str(tmp_path / 'm.keras')!r})).__name__)"
    assert python(make, KERAS_BACKEND="jax").returncode == 0
    result = python(load, KERAS_BACKEND="jax")
    assert result.stdout.strip() == "GAN", result.stderr


def test_another_backend_of_keras_is_refused():
    result = python("import kgen; kgen.GAN", KERAS_BACKEND="numpy")
    assert "set KERAS_BACKEND to one of them" in result.stderr


@pytest.mark.parametrize(
    "path",
    [f for f in LIBRARY if "backend" not in f.parts[:-1]],
    ids=lambda f: str(f.relative_to(ROOT)),
)
def test_only_the_backend_room_imports_a_backend(path):
    text = path.read_text()
    assert not re.search(r"^\s*(import|from)\s+(tensorflow|jax|torch)\b", text, re.M)
    assert not re.search(r"backend\(\)\s*==", text)


ROOMS = sorted(
    {f.relative_to(ROOT / "kgen").parts[0].removesuffix(".py") for f in LIBRARY} - {"__init__"}
)


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_can_be_imported_first(room):
    result = python(f"import kgen.{room}", KERAS_BACKEND="jax")
    assert result.returncode == 0, result.stderr


def test_every_public_name_resolves_and_is_documented():
    code = "import kgen\nfor name in kgen.__all__:\n    assert getattr(kgen, name).__doc__, name\n"
    result = python(code, KERAS_BACKEND="jax")
    assert result.returncode == 0, result.stderr


MODULES = [
    ".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for f in LIBRARY
    if ">>> " in f.read_text()
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0
