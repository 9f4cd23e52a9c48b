"""What the callback says of a discriminator that is known: D(x) = 3 x + 4 y."""

import keras
import numpy as np
import pytest

import kgen
from kgen.gan import Diagnose

RNG = np.random.default_rng(0)
REAL, HELD_OUT = RNG.normal(size=(2, 50, 2)).astype("float32")


@pytest.mark.parametrize("packing", [1, 3])
def test_a_linear_discriminator_and_a_generator_of_one_point(packing):
    """A pack of m examples has the slope 5 sqrt(m)."""
    weights = np.array([3.0, 4.0], "float32")
    generator = kgen.networks.mlp(2, 2, hidden=())
    discriminator = kgen.networks.mlp(2 * packing, 1, hidden=())
    generator.set_weights([np.zeros((2, 2)), np.array([1.0, 2.0])])
    discriminator.set_weights([np.tile(weights, packing)[:, None], np.zeros(1)])
    model = kgen.GAN(generator, discriminator, packing=packing)
    model.compile(keras.optimizers.SGD(0.0))
    before = model.random.state.numpy().tolist()
    callback, logs = Diagnose(REAL, HELD_OUT), {}
    callback.set_model(model)
    callback.on_epoch_end(0, logs)
    used = 50 - 50 % packing
    real, held_out = ((x[:used] @ weights).mean() * packing for x in (REAL, HELD_OUT))
    assert logs == {
        "real_logit": pytest.approx(real, rel=1e-4),
        "held_out_logit": pytest.approx(held_out, rel=1e-4),
        "fake_logit": pytest.approx(11.0 * packing),
        "wasserstein": pytest.approx(real - 11.0 * packing, rel=1e-4),
        "real_slope": pytest.approx(5.0 * packing**0.5),
        "fake_slope": pytest.approx(5.0 * packing**0.5),
    }
    assert model.random.state.numpy().tolist() == before
