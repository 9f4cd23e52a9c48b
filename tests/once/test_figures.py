"""The formulas behind the figures of the recipes, at values known by hand."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

FIGURES = Path(__file__).parents[2] / "recipes" / "figures"


@pytest.fixture(scope="module")
def curves():
    sys.path.insert(0, str(FIGURES))
    yield importlib.import_module("gan_curves")
    sys.path.remove(str(FIGURES))


def test_parallel_lines_by_hand(curves):
    """Apart: no common mass, so TV 1, JS log 2 and KL infinite, and all mass is moved by theta."""
    found = curves.parallel_lines(np.array([-0.5, 0.0, 2.0]))
    expected = {
        "total variation": [1.0, 0.0, 1.0],
        "Kullback-Leibler": [np.inf, 0.0, np.inf],
        "Jensen-Shannon": [0.693147, 0.0, 0.693147],
        "Wasserstein": [0.5, 0.0, 2.0],
    }
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6)


def test_parallel_lines_against_samples(curves):
    """Points of both lines, measured by the metrics of kgen."""
    from kgen.metrics import Grid, histogram_js, wasserstein

    heights = (np.arange(500) + 0.5) / 500
    here, there = (np.stack([np.full(500, x), heights], axis=1) for x in (0.0, 0.75))
    grid = Grid(-1.0, 2.0, bins=30)
    counts = [grid.counts(np.repeat(points, 10, axis=0)) for points in (here, there)]
    found = {name: float(value) for name, value in curves.parallel_lines(0.75).items()}
    assert histogram_js(*counts).value == pytest.approx(found["Jensen-Shannon"])
    assert wasserstein(here, there).value == pytest.approx(found["Wasserstein"])


def test_the_generators_slopes_by_hand(curves):
    """D = 1/4 at the logit log(1/3): the slope of log(1 - D) is -1/4, that of -log D is -3/4."""
    found = curves.slopes(np.log([1 / 3, 1.0]).astype("float32"))
    np.testing.assert_allclose(found["log(1 - D)"], [-0.25, -0.5], rtol=1e-5)
    np.testing.assert_allclose(found["-log D"], [-0.75, -0.5], rtol=1e-5)


def test_a_figure_is_a_picture(curves, tmp_path):
    from PIL import Image

    assert min(Image.open(curves.lines(tmp_path / "figure.png")).size) > 200
