"""Models to export, and inputs for their endpoints; importable by another process."""

from functools import cache

import families
import keras
import numpy as np
from keras import ops

import kgen
from kgen.core import endpoint


@keras.saving.register_keras_serializable("tests")
class Walk(kgen.GenerativeModel):
    """A user's own model: a sampler that loops, and an endpoint with two inputs."""

    def __init__(self, network, steps=6, **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self.steps = steps

    @property
    def endpoints(self):
        x = keras.InputSpec(shape=(None, *self.network.input_shape[1:]), dtype="float32")
        return {"generate": kgen.core.seeds(), "move": {"x": x, **kgen.core.seeds()}}

    @endpoint
    def generate(self, seed):
        def step(index, x, seed):
            return self.move(x, kgen.random.fold_in(seed, index))

        start = kgen.random.normal(seed, self.network.input_shape[1:])
        return kgen.backend.fori_loop(self.steps, step, start, seed)

    @endpoint
    def move(self, x, seed):
        noise = kgen.random.normal(seed, tuple(x.shape[1:]))
        return x + 0.1 * ops.tanh(self.network(x)) + 0.1 * noise


def walk():
    """A loop around a network that halves and doubles images."""
    halve = kgen.layers.Conv2D(4, 3, strides=2, padding="same")
    double = kgen.layers.UpsampleConv2D(1)
    return Walk(keras.Sequential([keras.Input((4, 4, 1)), halve, double]))


def guided():
    """50 steps, each with a call of a U-Net on two copies of the batch."""
    network = kgen.networks.unet((8, 8, 1), width=8, multipliers=(1,), blocks=1, classes=3)
    sampler = kgen.diffusion.Plan(kgen.diffusion.Euler(), steps=50)
    options = {"label_dropout": 0.1, "clip": (-1.0, 1.0), "ema_decay": 0.9, "sampler": sampler}
    return kgen.Diffusion(network, classes=3, **options)


MAKE = {"dcgan": families.dcgan, "conv_vae": families.conv_vae, "walk": walk, "guided": guided}
# The float32 error of one evaluation, and of fifty.
TOLERANCES = {"dcgan": 1e-5, "conv_vae": 1e-5, "walk": 1e-5, "guided": 1e-4}


@cache
def model_of(family):
    """A model whose outputs are far from zero: equality of tiny numbers would prove little."""
    model = MAKE[family]()
    rng = np.random.default_rng(1)
    for variable in model.variables:
        if len(variable.shape) > 1:
            scale = (0.5 if family == "guided" else 2.0) * np.prod(variable.shape[:-1]) ** -0.5
            variable.assign((scale * rng.normal(size=variable.shape)).astype("float32"))
    return model


@cache
def inputs_of(family, endpoint):
    """Five examples of the arguments of an endpoint by name, drawn by NumPy."""
    rng = np.random.default_rng(5)
    draws = {"seed": lambda: kgen.random.keys(7, 5), "labels": lambda: np.arange(5, dtype="int32") % 3}
    return {
        name: draws[name]()
        if name in draws
        else rng.normal(size=(5, *spec.shape[1:])).astype("float32")
        for name, spec in model_of(family).endpoints[endpoint].items()
    }


@cache
def output_of(family, endpoint):
    """What the Python model gives for them."""
    return np.asarray(getattr(model_of(family), endpoint)(*inputs_of(family, endpoint).values()))


def first(inputs, n):
    """The first n of the examples."""
    return {name: value[:n] for name, value in inputs.items()}
