"""A subclass that passes on `**kwargs` keeps what it was given in its files."""

import keras
import numpy as np
import pytest

import kgen
from kgen.networks import mlp, residual_mlp


@keras.saving.register_keras_serializable("tests")
class Mine(kgen.VAE):
    """An argument of its own, and all of its parent's."""

    def __init__(self, extra, **kwargs):
        super().__init__(**kwargs)
        self.extra = extra


@keras.saving.register_keras_serializable("tests")
class Small(kgen.VAE):
    """Makes its networks itself; one of its parent's arguments is another here."""

    def __init__(self, width=4, **kwargs):
        super().__init__(mlp(2, 4, (width,)), mlp(2, 2, (width,)), kgen.vae.Gaussian(), **kwargs)
        self.width = width


@keras.saving.register_keras_serializable("tests")
class Smaller(Small):
    """Two classes up."""

    def __init__(self, **kwargs):
        super().__init__(**{"width": 2} | kwargs)


MAKE = {
    "mine": lambda: Mine(
        3,
        encoder=mlp(2, 4),
        decoder=mlp(2, 2),
        likelihood=kgen.vae.Gaussian(0.5),
        beta=2.0,
        ema_decay=0.9,
    ),
    "small": lambda: Small(3, beta=2.0, ema_decay=0.9, data_range=(0.0, 1.0)),
    "smaller": lambda: Smaller(beta=2.0, ema_decay=0.9),
}


@pytest.mark.parametrize("name", MAKE)
def test_what_was_given_to_a_parent_comes_back(name, tmp_path):
    model = MAKE[name]()
    model.compile("adam")
    model.fit(np.zeros((8, 2), "float32"), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (loaded.beta, loaded.ema_decay, loaded.data_range) == (2.0, 0.9, model.data_range)
    np.testing.assert_array_equal(loaded.sample(3, seed=0), model.sample(3, seed=0))


def test_arguments_of_the_class_itself_come_back():
    model = MAKE["mine"]()
    again = Mine.from_config(model.get_config())
    assert (again.extra, again.likelihood) == (3, model.likelihood)
    assert Small.from_config(MAKE["small"]().get_config()).width == 3


def test_a_student_keeps_the_weight_that_its_class_passes_on():
    weight = kgen.diffusion.MinSNR()
    model = kgen.diffusion.ConsistencyModel(residual_mlp(2, 4, 1), weight=weight)
    assert type(model).from_config(model.get_config()).weight == weight
