"""What a model is told: labels, a context and an image in a dict, through `fit` and `sample`."""

import keras
import numpy as np
import pytest

import kgen

N = 24


@pytest.fixture(scope="module")
def told():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (N, 4, 4, 1)).astype("float32")
    context = rng.normal(size=(N, 3, 5)).astype("float32")
    image = rng.uniform(-1, 1, (N, 4, 4, 2)).astype("float32")
    return x, {"labels": np.arange(N) % 3, "context": context, "image": image}


@pytest.fixture(scope="module")
def trained(told):
    """On labels and context by attention, image by concatenation, compiled whole."""
    options = {"classes": 3, "context": (3, 5), "extra_channels": 2, "seed": 0}
    network = kgen.networks.dit((4, 4, 1), width=8, depth=1, heads=2, **options)
    model = kgen.Diffusion(network, classes=3, label_dropout=0.2)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=True)
    x, y = told
    model.history_of_test = model.fit(x, y, batch_size=8, epochs=3, verbose=0).history
    return model


def test_a_dict_of_conditions_trains(trained):
    assert np.isfinite(trained.history_of_test["loss"]).all()


@pytest.mark.parametrize("name", ["labels", "context", "image"])
def test_each_condition_changes_the_samples(trained, told, name):
    _, y = told
    first = {key: value[0] for key, value in y.items()}
    other = first | {name: y[name][1]}
    samples = [trained.sample(2, **c, steps=3, seed=0) for c in (first, other)]
    assert not np.allclose(*samples, atol=1e-6)


def test_guidance_with_all_three(trained, told):
    _, y = told
    samples = trained.sample(4, **{k: v[:4] for k, v in y.items()}, guidance=1.0, steps=3, seed=0)
    assert samples.shape == (4, 4, 4, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda y: {"labels": y["labels"]},
            r"'context', 'image'\], got \['labels'\]",
        ),
        (lambda y: y["labels"], "give fit a dict of them as y"),
        (lambda y: y | {"labels": y["labels"] + 9}, "or 3 for no label, got 9"),
        (lambda y: y | {"labels": y["labels"] / 2}, "expected integer labels"),
    ],
    ids=["missing", "no_dict", "range", "type"],
)
def test_wrong_conditions_are_refused(trained, told, change, message):
    x, y = told
    with pytest.raises(ValueError, match=message):
        trained.fit(x, change(y), batch_size=8, verbose=0)
