"""Every notebook of tutorials/ runs from top to bottom, as a student would run it."""

import os
from pathlib import Path

import nbformat
import pytest
from nbconvert.preprocessors import ExecutePreprocessor

TUTORIALS = Path(__file__).parents[1] / "tutorials"


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(TUTORIALS.glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_tutorial_runs(path, monkeypatch, tmp_path):
    monkeypatch.setenv("TUTORIAL_EPOCHS", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TUTORIALS.parent)]))
    notebook = nbformat.read(path, as_version=4)
    ExecutePreprocessor(timeout=300).preprocess(notebook, {"metadata": {"path": str(tmp_path)}})
    pictures = [
        o for c in notebook.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})
    ]
    assert pictures
