"""Training together gives what training one after the other gives, and refuses what it cannot stack."""

import keras
import numpy as np
import pytest

import kgen

pytestmark = pytest.mark.every_backend


def trio(drop_last: bool = True, width: int = 8):
    """Three GANs of other weights, each with its own data of 70 examples."""
    keras.utils.set_random_seed(0)
    models, data = [], []
    for seed in range(3):
        model = kgen.GAN(
            kgen.networks.mlp(2, 2, [width if seed == 2 else 8]),
            kgen.networks.mlp(2, 1, [8]),
            loss=kgen.gan.RelativisticPairing(),
            penalties=[kgen.gan.R1(0.1)],
            ema_decay=0.9,
        )
        falling = keras.optimizers.schedules.CosineDecay(0.05, 6)
        model.compile(keras.optimizers.Adam(falling))
        x = kgen.data.load("ring8", size=70, seed=seed).x
        data.append(kgen.data.Batches(x, batch_size=32, seed=seed, drop_last=drop_last))
        models.append(model)
    return models, data


def test_equals_fit_of_each_alone():
    (alone, alone_data), (models, data) = trio(), trio()
    histories = kgen.fit_together(models, data, epochs=3)
    for model, x, together, history in zip(alone, alone_data, models, histories, strict=True):
        expected = model.fit(x, epochs=3, verbose=0).history
        assert history.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_allclose(history[name], values, rtol=1e-4, atol=1e-6)
        for variable, other in zip(model.variables, together.variables, strict=True):
            np.testing.assert_allclose(
                keras.ops.convert_to_numpy(other), keras.ops.convert_to_numpy(variable), atol=1e-4
            )
        np.testing.assert_allclose(together.sample(4, seed=1), model.sample(4, seed=1), atol=1e-4)


def test_flows_start_from_their_data_as_in_fit():
    """`ActNorm` takes its first scales from the data."""
    x = kgen.data.load("ring8", size=64).x + np.array([5.0, 0.0], "float32")
    models = [kgen.flow.RealNVP((2,), layers=1, hidden=(4,)) for _ in range(3)]
    data = [kgen.data.Batches(x, batch_size=32, seed=0, drop_last=True) for _ in models]
    for model in models:
        model.set_weights(models[0].get_weights())
        model.random.reseed(0)
        model.compile(keras.optimizers.Adam(1e-3))
    together = kgen.fit_together(models[:2], data[:2])
    alone = models[2].fit(data[2], verbose=0).history
    assert together[0] == together[1]
    np.testing.assert_allclose(together[0]["loss"], alone["loss"], rtol=1e-4)


def test_goes_on_as_fit_would():
    (once, once_data), (twice, twice_data) = trio(), trio()
    kgen.fit_together(once, once_data, epochs=2)
    kgen.fit_together(twice, twice_data)
    kgen.fit_together(twice, twice_data)
    for one, two in zip(once, twice, strict=True):
        assert int(one.optimizer.iterations) == int(two.optimizer.iterations) == 4
        np.testing.assert_allclose(one.sample(4, seed=1), two.sample(4, seed=1), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "keep", "message"),
    [
        ({"drop_last": False}, slice(None), r"data\[0\] ends with one of 6 after 32: use drop_last"),
        ({"width": 9}, slice(None), r"models\[2\] differs from models\[0\]"),
        ({}, slice(2), "expected one data set a model, got 3 models and 2 sets"),
    ],
)
def test_refuses(changes, keep, message):
    models, data = trio(**changes)
    with pytest.raises(ValueError, match=message):
        kgen.fit_together(models, data[keep])
