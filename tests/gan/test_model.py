"""What is particular to the GAN: its losses, its BatchNorm policy, its critic steps."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen

X = np.random.default_rng(0).normal(3.0, 2.0, size=(32, 2)).astype("float32")


def spy(rows):
    """A discriminator that keeps the sizes of the batches it sees."""

    class Spy(keras.layers.Layer):
        def call(self, inputs):
            rows.append(inputs.shape[0])
            return inputs

    return keras.Sequential([keras.Input((2,)), Spy(), keras.layers.Dense(1)])


@pytest.mark.parametrize(("joint", "expected"), [(True, [64]), (False, [32, 32])])
def test_real_and_fake_in_one_batch_or_apart(joint, expected):
    rows = []
    model = kgen.GAN(kgen.networks.mlp(2, 2), spy(rows), joint_batch=joint)
    rows.clear()
    model.discriminator_loss(ops.convert_to_tensor(X))
    assert rows == expected


def test_joint_and_apart_agree_without_batch_statistics():
    losses = []
    for_each = [False, True]
    generator, discriminator = kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1)
    for joint in for_each:
        model = kgen.GAN(generator, discriminator, joint_batch=joint)
        model.random.reseed(0)
        losses.append(float(model.discriminator_loss(ops.convert_to_tensor(X))))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_critic_steps_count():
    model = kgen.GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1), critic_steps=3)
    model.compile("adam")
    model.fit(X, batch_size=16, verbose=0)
    counts = {name: int(o.iterations.numpy()) for name, o in model.optimizer.members.items()}
    assert counts == {"discriminator": 6, "generator": 2}
    assert int(model.optimizer.iterations.numpy()) == 2


def test_the_average_and_not_the_last_weights_sample():
    model = kgen.GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1), ema_decay=0.9)
    model.compile(keras.optimizers.Adam(0.1))
    model.fit(X, batch_size=8, verbose=0)
    latents = model.prior.sample(kgen.random.keys(0, 4))
    averaged = ops.convert_to_numpy(model.ema.average(latents))
    np.testing.assert_allclose(model.sample(4, seed=0), averaged, atol=1e-5)
    assert np.abs(averaged - ops.convert_to_numpy(model(latents))).max() > 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"critic_steps": 0}, "critic_steps >= 1"),
        ({"discriminator": kgen.networks.mlp(3, 1)}, "make them equal"),
        ({"discriminator": kgen.networks.mlp(2, 2)}, r"of one logit, \(batch, 1\), got \(None, 2\)"),
        ({"ema_decay": 1.5}, "EMA decay"),
        ({"criticsteps": 2}, "criticsteps"),
    ],
    ids=["critic_steps", "shapes", "logits", "ema", "typo"],
)
def test_bad_arguments(options, message):
    arguments = {"generator": kgen.networks.mlp(2, 2), "discriminator": kgen.networks.mlp(2, 1)}
    with pytest.raises((ValueError, TypeError), match=message):
        kgen.GAN(**(arguments | options))


def straight(**options):
    """A GAN whose samples are its latents."""
    inputs = keras.Input((2,))
    same = keras.layers.Dense(2, use_bias=False, kernel_initializer=keras.initializers.Identity())
    return kgen.GAN(keras.Model(inputs, same(inputs)), kgen.networks.mlp(2, 1, (4,)), **options)


def test_temperature_multiplies_the_latents(tmp_path):
    plain, cool = straight().sample(5, seed=1), straight(temperature=0.5)
    np.testing.assert_allclose(cool.sample(5, seed=1), 0.5 * plain, rtol=1e-6)
    np.testing.assert_allclose(cool.sample(5, seed=1, temperature=2.0), 2.0 * plain, rtol=1e-6)
    np.testing.assert_allclose(cool.generate(kgen.random.keys(1, 5)), 0.5 * plain, rtol=1e-6)
    cool.compile()
    cool.save(tmp_path / "cool.keras")
    loaded = keras.saving.load_model(tmp_path / "cool.keras")
    np.testing.assert_allclose(loaded.sample(5, seed=1), 0.5 * plain, rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match="expected temperature > 0"):
        straight(temperature=temperature)
    with pytest.raises(ValueError, match="expected temperature > 0"):
        straight().sample(2, temperature=temperature)
