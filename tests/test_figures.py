"""The formulas behind the figures of the recipes, at values known by hand."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

FIGURES = Path(__file__).parents[1] / "recipes" / "figures"


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


def test_a_discriminator_alone_starves_the_minimax_generator_only(curves):
    """As it learns, the slope of log(1 - D) goes to 0 and that of -log D does not."""
    norms = curves.starving(epochs=20)
    minimax, other = (np.array(norms[name]) for name in ("log(1 - D)", "-log D"))
    assert minimax[-1] < minimax.max() / 5
    assert other[-1] > 0.9 * other.max()


@pytest.fixture(scope="module")
def games(curves):
    return importlib.import_module("gan_games")


def test_a_collapse_is_an_animation(games, tmp_path):
    from PIL import Image

    with Image.open(games.collapse(tmp_path / "collapse.gif", frames=3, steps=2)) as picture:
        assert picture.n_frames == 3


def test_clipping_is_a_picture(games, tmp_path):
    from PIL import Image

    assert min(Image.open(games.clipping(tmp_path / "clipping.png", epochs=1)).size) > 200


def test_a_clipped_critic_leaves_most_weights_at_the_bounds(games):
    """... and so does no critic whose slope is penalised: figure 1 of the paper."""
    import kgen

    real, shares = kgen.data.load("ring8", size=2560).x, {}
    for penalty in (kgen.gan.WeightClipping(0.1), kgen.gan.GradientPenalty(10.0)):
        model = games._critic(penalty)
        model.fit(real, batch_size=256, epochs=15, verbose=0)
        weights = np.concatenate([w.ravel() for w in model.discriminator.get_weights()])
        shares[type(penalty).__name__] = np.mean(np.isclose(np.abs(weights), 0.1, atol=1e-3))
    assert shares["WeightClipping"] > 0.5 > 0.1 > shares["GradientPenalty"]


class Pictures:
    """Stands for a trained model: a latent's first number says which training image it becomes."""

    def __init__(self, data):
        import kgen

        self.prior, self.data = kgen.distributions.StandardNormal((3,)), data

    def decode(self, latents):
        return self.data[(np.abs(np.asarray(latents)[:, 0]) * 1e4).astype(int) % len(self.data)]


def test_arithmetic_draws_kinds_and_refuses_a_model_that_makes_too_few(curves, tmp_path, monkeypatch):
    from PIL import Image

    import kgen

    latents, data = importlib.import_module("gan_latents"), kgen.data.load("fashion_mini", size=500)
    monkeypatch.setattr(latents, "_DRAWN", 1500)
    monkeypatch.setattr(kgen.runs, "load_model", lambda run: Pictures(data.x))
    with Image.open(latents.arithmetic(tmp_path, tmp_path / "arithmetic.png")) as picture:
        assert picture.width > picture.height  # six columns, four rows
    monkeypatch.setattr(kgen.runs, "load_model", lambda run: Pictures(data.x[data.y == 9]))
    with pytest.raises(ValueError, match=r"samples are of the kind 'Pullover': train longer"):
        latents.arithmetic(tmp_path, tmp_path / "none.png")
