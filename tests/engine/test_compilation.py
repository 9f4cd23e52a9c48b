"""Compiled whole or run op by op, a model learns the same; a part's step leaves the others alone."""

import keras
import numpy as np
import pytest
from families import gan, r3gan, vae
from variables import float_weights, same, trained_weights

DATA = np.random.default_rng(0).uniform(-1.0, 1.0, (48, 2)).astype("float32")


@pytest.mark.parametrize("make", [gan, vae], ids=["gan", "vae"])
def test_compiled_equals_eager(make):
    """The same weights, data and noise: the same losses, and the same weights afterwards."""
    models = [make()]
    models.append(type(models[0]).from_config(models[0].get_config()))
    models[1].set_weights(models[0].get_weights())
    histories = []
    for model, eager in zip(models, (False, True), strict=True):
        model.compile(
            keras.optimizers.Adam(1e-3, clipnorm=1.0), run_eagerly=eager, jit_compile=not eager
        )
        histories.append(model.fit(DATA, batch_size=16, shuffle=False, verbose=0).history)
    assert histories[0] == {k: pytest.approx(v, rel=1e-4) for k, v in histories[1].items()}
    for first, second in zip(*map(float_weights, models), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-4)
    eager = models[1].sample(16, seed=2)
    np.testing.assert_allclose(models[0].sample(16, seed=2), eager, atol=1e-4)


@pytest.mark.parametrize("part", ["discriminator", "generator"])
@pytest.mark.parametrize("make", [gan, r3gan], ids=["gan", "r3gan"])
def test_a_step_changes_the_weights_of_the_part_that_learns_and_no_others(make, part):
    model = make(critic_steps=1)
    rates = {name: 0.1 if name == part else 0.0 for name in model.parts}
    model.compile({name: keras.optimizers.SGD(rate) for name, rate in rates.items()}, run_eagerly=True)
    before = trained_weights(model)
    model.fit(DATA, batch_size=48, verbose=0)
    after = trained_weights(model)
    assert {name for name in model.parts if not same(before[name], after[name])} == {part}
