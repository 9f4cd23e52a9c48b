"""The recipe of super-resolution and colouring, with a network of hardly any weights."""

import numpy as np
import pytest
from PIL import Image

from kgen.runs import recipe

SMALL = {"width": 4, "multipliers": (1,), "blocks": 1, "attention": ()}


@pytest.mark.parametrize("task", ["superres", "colour"])
def test_a_run_has_pictures_and_numbers(task, tmp_path, monkeypatch, capsys):
    module = recipe.load("superres_emoji")
    monkeypatch.setitem(module.SIZES, "tiny", SMALL)
    options = f"--task {task} --examples 32 --batch-size 16 --epochs 1 --run {tmp_path / 'run'}"
    recipe.cli(module.main, module.Config, options.split())
    said = capsys.readouterr().out
    assert all(
        f"\n{name}: " in said for name in ("plain", "sample", "mean of 4", "deviation between samples")
    )
    pixels = np.asarray(Image.open(tmp_path / "run" / "samples" / "epoch_0001.png"))
    assert pixels.shape == (8 * 34 - 2, 8 * 34 - 2, 3)


def test_what_is_told():
    told = recipe.load("superres_emoji").told
    x = np.zeros((1, 4, 4, 3), "float32")
    x[0, :2, :2, 0] = [[0.4, 0.0], [0.0, 0.4]]  # red, with a mean of 0.2
    low, bicubic = told(x, "superres")
    assert low.shape == bicubic.shape == x.shape
    np.testing.assert_allclose(low[0, :2, :2, 0], 0.2, atol=1e-6)
    assert not low[0, 2:].any()
    grey, plain = told(x, "colour")
    np.testing.assert_allclose(grey[0, 0, 0], 0.299 * 0.4, atol=1e-6)
    np.testing.assert_allclose(plain[0, 0, 0], [0.299 * 0.4] * 3, atol=1e-6)


def test_bicubic_keeps_a_constant_picture():
    _, bicubic = recipe.load("superres_emoji").told(np.full((1, 8, 8, 3), 0.3, "float32"), "superres")
    np.testing.assert_allclose(bicubic, 0.3, atol=1e-5)
