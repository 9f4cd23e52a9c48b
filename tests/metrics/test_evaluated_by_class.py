"""Models that are told classes, evaluated: samples of the classes as often as the data has them."""

import numpy as np
import pytest

import kgen
from kgen.data.spec import make_dataset
from kgen.flow import RealNVP
from kgen.metrics import Evaluator, suites
from kgen.networks import mlp, pixelcnn, residual_mlp, with_auxiliary, with_labels

PINWHEEL = {"reference": kgen.data.load("pinwheel", size=200)}
PINWHEEL["held_out"] = kgen.data.load("pinwheel", "test", size=50)


def stripes(split, n):
    """Black and white images of 4x4, whose label is the colour of their left half."""
    labels = np.arange(n) % 5 // 3
    x = np.random.default_rng(n).choice([-1.0, 1.0], (n, 4, 4, 1)).astype("float32")
    x[:, :, :2] = (2.0 * labels - 1.0)[:, None, None, None]
    names = ("black", "white")
    return make_dataset("stripes", split, x, labels, names, (-1.0, 1.0), "made here", "none")


STRIPES = {"reference": stripes("train", 100), "held_out": stripes("test", 20)}


def gan():
    return kgen.GAN(with_labels(mlp(4, 2, (8,)), 5, width=2), mlp(2, 1, (8,)), classes=5)


def infogan():
    generator = with_labels(mlp(4, 2, (8,)), 5, width=2)
    auxiliary = kgen.gan.MutualInformation()
    return kgen.GAN(generator, with_auxiliary(mlp(2, 1, (8,)), 5), classes=5, auxiliary=auxiliary)


def flow():
    return RealNVP((2,), layers=2, hidden=(8,), classes=5)


def autoregressive():
    network = pixelcnn((4, 4, 1), 1, width=4, depth=1, first_size=3, classes=2)
    return kgen.Autoregressive(network, kgen.autoregressive.Bernoulli(), classes=2)


def diffusion(**options):
    return kgen.Diffusion(residual_mlp(2, 8, 1, classes=5), classes=5, **options)


def dropped():
    return diffusion(label_dropout=0.1)


def unconditional():
    return kgen.Diffusion(residual_mlp(2, 8, 1))


@pytest.mark.parametrize(
    ("make", "takes", "needs"),
    [
        (gan, True, True),
        (infogan, False, False),
        (flow, True, True),
        (autoregressive, True, True),
        (diffusion, True, True),
        (dropped, True, False),
        (unconditional, False, False),
    ],
)
def test_a_model_says_whether_it_takes_labels_and_needs_them(make, takes, needs):
    model = make()
    assert (model.takes_labels, model.needs_labels) == (takes, needs)


@pytest.mark.parametrize(
    ("make", "data"),
    [(gan, PINWHEEL), (flow, PINWHEEL), (dropped, PINWHEEL), (autoregressive, STRIPES)],
)
def test_a_model_is_asked_for_the_classes_of_the_data(make, data, monkeypatch):
    model, asked = make(), []
    draw = model.sample

    def sample(n, labels, seed):
        asked.append(labels)
        return draw(n, labels=labels, seed=seed)

    monkeypatch.setattr(model, "sample", sample)
    cards = Evaluator(**data, metrics=[suites.transport], samples=100, bounds=False)(model)
    wanted = np.bincount(data["reference"].y) / len(data["reference"])
    np.testing.assert_allclose(np.bincount(asked[0]) / 100, wanted, atol=0.15)
    likelihoods = [card for card in cards if card.metric in ("log_likelihood", "bits_per_dim")]
    assert bool(likelihoods) == (make is not gan)
    assert all("the model was told the classes" in card.notes for card in likelihoods)
