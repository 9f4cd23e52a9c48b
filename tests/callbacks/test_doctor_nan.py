"""The first layer that made NaN is named, wherever it hides."""

import keras
import numpy as np
import pytest
from families import FAMILIES, named, toy_data, vae

import kgen
from kgen.callbacks import Doctor
from kgen.callbacks.doctor import NaN

X = toy_data(named("gan"))


class Log(keras.layers.Layer):
    """A logarithm of what may be negative."""

    def call(self, inputs):
        return keras.ops.log(inputs)


def encoder(middle):
    """A nested functional model: `inner` holds dense layers around something."""
    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(8, name="before")(inputs)
    outputs = keras.layers.Dense(4, name="after")(middle(hidden))
    inner = keras.Model(inputs, outputs, name="inner")
    return keras.Sequential([keras.Input((2,)), inner], name="outer")


def finding(model, optimizer="sgd", doctor=None, epochs=1):
    doctor = doctor or Doctor(X, speak=lambda text: None)
    model.compile(optimizer)
    model.fit(X, batch_size=16, epochs=epochs, callbacks=[doctor], verbose=0)
    return doctor.findings


@pytest.mark.every_backend
@pytest.mark.parametrize(
    ("middle", "path"),
    [(Log(name="my_log"), "encoder/inner/my_log"), (keras.ops.log, "encoder/inner/log")],
    ids=["layer", "operation"],
)
def test_the_layer_is_named_with_its_models(middle, path):
    model = kgen.VAE(encoder(middle), kgen.networks.mlp(2, 2), kgen.vae.Gaussian(0.5))
    (found,) = finding(model)
    assert "loss" in found.saw
    assert f"the first NaN comes out of layer {path}, from finite inputs" in found.means


def test_nan_of_the_loss_is_not_blamed_on_a_layer():
    class Root(kgen.vae.Gaussian):
        def log_prob(self, outputs, x):
            return keras.ops.sqrt(-1.0 - keras.ops.sum(outputs**2, axis=-1))

    (found,) = finding(vae(likelihood=Root(0.5)))
    assert "arises outside of any layer, in the loss, after all layers" in found.means


def test_steps_that_are_too_large_are_told_from_a_broken_layer():
    (found,) = finding(vae(), keras.optimizers.SGD(1e8), epochs=2)
    assert "every layer gives finite numbers: the steps after that diverged" in found.means
    assert "smaller learning rate" in found.advice


def test_without_examples_the_weights_are_still_looked_at():
    model = vae()
    model.encoder.layers[-1].bias.assign(np.full(4, np.nan, "float32"))
    found = NaN().look(_begun(model), {}, 1)
    assert "1 of" in found.saw and "bias" in found.saw
    assert "Doctor(reference=x)" in found.advice


def _begun(model):
    model.compile("sgd")
    return model


@pytest.mark.every_backend
def test_the_search_changes_nothing_in_the_model():
    model = kgen.VAE(encoder(Log()), kgen.networks.mlp(2, 2), kgen.vae.Gaussian(0.5))
    model.compile("sgd")
    before = [np.array(v.numpy()) for v in model.weights]
    call = keras.Operation.__call__
    check = NaN(X)
    check.begin(model)
    assert check.look(model, {"loss": np.nan}, 1) is not None
    assert keras.Operation.__call__ is call
    for old, variable in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())


@pytest.mark.slow
@pytest.mark.parametrize(
    "family",
    [f for f in FAMILIES if f.name in ("gan", "dcgan", "vae", "conv_vae", "vdm", "realnvp")],
    ids=lambda family: family.name,
)
def test_healthy_families_are_left_alone(family):
    x = toy_data(family)
    doctor = Doctor(x, speak=lambda text: None)
    model = family.make()
    model.compile("adam")
    model.fit(x, batch_size=24, epochs=2, validation_data=(x,), callbacks=[doctor], verbose=0)
    assert doctor.findings == []
