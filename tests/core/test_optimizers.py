"""The group of named optimizers: one learning rate, one state, errors that say what is missing."""

import keras
import numpy as np
import pytest
from families import gan, named, toy_data, vae

import kgen
from kgen.core import OptimizerGroup

pytestmark = pytest.mark.every_backend

X = toy_data(named("gan"))


def group(**rates):
    return OptimizerGroup({name: keras.optimizers.Adam(rate) for name, rate in rates.items()})


def test_setting_the_learning_rate_keeps_the_ratios():
    optimizer = group(discriminator=4e-4, generator=1e-4)
    optimizer.learning_rate = 2e-4
    rates = [float(optimizer[name].learning_rate) for name in ("discriminator", "generator")]
    assert rates == pytest.approx([2e-4, 5e-5])
    assert float(optimizer.learning_rate) == pytest.approx(2e-4)


def test_the_ratios_survive_a_rate_of_zero_and_the_config():
    optimizer = group(a=4e-4, b=1e-4)
    optimizer.learning_rate = 0.0
    twin = OptimizerGroup.from_config(optimizer.get_config())
    twin.learning_rate = 4e-4
    assert float(twin["b"].learning_rate) == pytest.approx(1e-4)


def test_a_member_with_a_schedule_keeps_it():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    optimizer = OptimizerGroup({"a": keras.optimizers.Adam(0.01), "b": keras.optimizers.Adam(schedule)})
    optimizer.learning_rate = 0.02
    assert float(optimizer["a"].learning_rate) == pytest.approx(0.02)
    assert float(optimizer["b"].learning_rate) == pytest.approx(0.1)


def test_one_optimizer_is_copied_for_each_part():
    model = gan()
    model.compile(keras.optimizers.RMSprop(0.003, rho=0.8))
    members = model.optimizer.members
    assert list(members) == ["discriminator", "generator"]
    assert members["discriminator"] is not members["generator"]
    assert [m.get_config()["rho"] for m in members.values()] == [0.8, 0.8]


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ({"discriminator": "adam"}, r"parts without an optimizer: \['generator'\]"),
        ({"discriminator": "adam", "generator": "adam", "critic": "adam"}, r"unknown .*'critic'"),
        ({}, "without an optimizer"),
    ],
    ids=["missing", "unknown", "empty"],
)
def test_parts_and_optimizers_must_match(optimizer, message):
    with pytest.raises(ValueError, match=message):
        gan().compile(optimizer)


def test_an_unknown_part_in_a_step():
    model = gan()
    model.compile("adam")
    with pytest.raises(ValueError, match="unknown part 'critic'"):
        model.minimize(lambda: 0.0, "critic")


def test_slots_of_another_model_are_refused(tmp_path):
    model = gan()
    model.compile("adam")
    model.save(tmp_path / "model.keras")
    other = gan()
    other.compile("sgd")
    with pytest.raises(ValueError, match="differ in"):
        other.load_weights(tmp_path / "model.keras")


def test_keras_use_ema_averages_and_overwrites_at_the_end_of_fit():
    model = gan()
    model.compile(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    model.fit(X, batch_size=48, verbose=0)
    average = model.optimizer["generator"].variables[-1].numpy()
    assert np.isfinite(average).all()


def test_regularizers_of_the_weights_join_the_loss():
    def make(penalty):
        keras.utils.set_random_seed(3)
        regularizer = keras.regularizers.L2(penalty)
        decoder = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(2, kernel_regularizer=regularizer)]
        )
        model = kgen.VAE(kgen.networks.mlp(2, 4), decoder, kgen.vae.Gaussian(1.0))
        model.compile(keras.optimizers.SGD(0.0))
        loss = model.fit(X, batch_size=48, verbose=0).history["loss"][0]
        return loss, float(np.sum(decoder.get_weights()[0] ** 2))

    plain, _ = make(0.0)
    penalised, squares = make(0.5)
    assert penalised - plain == pytest.approx(0.5 * squares, rel=1e-3)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("make", [keras.optimizers.SGD, keras.optimizers.Adam], ids=["sgd", "adam"])
def test_accumulated_gradients_move_the_weights_every_other_step(make, jit):
    model = vae()
    model.compile(make(0.01, gradient_accumulation_steps=2), jit_compile=jit)
    moved, before = [], model.get_weights()
    for _ in range(4):
        model.fit(X, batch_size=len(X), verbose=0)
        after = [np.array(w) for w in model.get_weights()]
        kernels = zip(before, after, strict=True)
        moved.append(any(np.any(a != b) for a, b in kernels if a.ndim == 2))
        before = after
    assert moved == [False, True, False, True]
