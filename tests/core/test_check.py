"""Bad data is refused with a message that says how to mend it, and the model stays as it was."""

import keras
import numpy as np
import pytest
from families import conv_vae, dcgan, gan, named, toy_data, two_sizes, vae

import kgen

IMAGES = toy_data(named("dcgan"))
NAN = IMAGES.copy()
NAN[7, 0, 0, 0] = np.nan

CASES = {
    "uint8": (
        ((IMAGES + 1) * 127.5).astype("uint8"),
        r"images in \[-1, 1\] of shape \(batch, 8, 8, 1\), got uint8: "
        "divide by 127.5 and subtract 1",
    ),
    "standardised": (IMAGES * 3, r"values in \[-.*\]: rescale it to \[-1, 1\]"),
    "0 to 255": ((IMAGES + 1) * 127.5, "divide by 127.5 and subtract 1"),
    "NaN": (NAN, "1 NaN or infinite values, the first in example 7"),
    "rank": (IMAGES[..., 0], r"got shape \(batch, 8, 8\): add the channel axis"),
    "channels": (np.repeat(IMAGES, 3, axis=-1), r"got shape \(batch, 8, 8, 3\)"),
    "channels first": (np.moveaxis(IMAGES, -1, 1), "channels come last"),
    "size": (IMAGES[:, :4], r"got shape \(batch, 4, 8, 1\)"),
    "empty": (IMAGES[:0], "empty data set"),
    "integers": (IMAGES.astype("int32"), "got int32: convert it to float32"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_images(case):
    x, message = CASES[case]
    model = dcgan()
    model.compile("adam")
    before = model.sample(2, seed=0)
    with pytest.raises(ValueError, match=message):
        model.fit(x, batch_size=16, verbose=0)
    np.testing.assert_array_equal(model.sample(2, seed=0), before)
    assert np.isfinite(list(model.fit(IMAGES, batch_size=48, verbose=0).history.values())).all()


@pytest.mark.every_backend
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_an_error_inside_the_step_leaves_the_weights(method, monkeypatch):
    """On JAX these take the weights out of the model before the first step."""
    model = gan()
    model.compile("adam")
    before = model.get_weights()

    def fail(*_, **__):
        raise RuntimeError("inside the step")

    monkeypatch.setattr(model, "call" if method == "predict" else "unpack", fail)
    with pytest.raises(RuntimeError, match="inside the step"):
        getattr(model, method)(toy_data(named("gan")), verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    "x", [None, IMAGES.tolist(), [IMAGES], {"x": IMAGES}, "mnist"], ids=lambda x: type(x).__name__
)
def test_what_is_no_array_and_no_stream_is_refused(x):
    model = dcgan()
    model.compile("adam")
    with pytest.raises(TypeError, match=r"one array, or a stream of batches, got .*: np.asarray\(x"):
        model.fit(x, verbose=0)
    with pytest.raises(TypeError, match="one array, or a stream of batches"):
        model.evaluate(x, verbose=0)


@pytest.mark.parametrize("case", CASES)
def test_bad_validation_images(case):
    x, message = CASES[case]
    model = dcgan()
    model.compile("adam")
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.fit(IMAGES, validation_data=(x,), verbose=0)
    with pytest.raises(ValueError, match=message):
        model.evaluate(x, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("case", sorted(set(CASES) - {"standardised", "0 to 255"}))
def test_bad_images_at_an_endpoint(case):
    """But for the range, which a model's own samples may leave."""
    x, message = CASES[case]
    with pytest.raises(ValueError, match=message):
        conv_vae().encode(x)


def test_an_endpoint_of_packs_takes_packs():
    discriminator = kgen.networks.mlp(4, 1, hidden=(4,))
    model = kgen.GAN(kgen.networks.mlp(2, 2, hidden=(4,)), discriminator, packing=2)
    assert model.discriminate(np.zeros((3, 4), "float32")).shape == (3, 1)
    with pytest.raises(ValueError, match=r"of shape \(batch, 4\), got shape \(batch, 2\)"):
        model.discriminate(np.zeros((3, 2), "float32"))


MADE = kgen.networks.made(16, 256, hidden=(4,))
OBJECTS = {
    "loss": (lambda x: gan(loss=x), "hinge", r"loss to be .* such as kgen.gan.Hinge\(\), got 'hinge'"),
    "class": (lambda x: gan(loss=x), kgen.gan.Hinge, r"got the class Hinge: write Hinge\(\)"),
    "item": (lambda x: gan(penalties=[x]), "r1", r"penalties to be .* kgen.gan.R1\(\), got 'r1'"),
    "no list": (
        lambda x: gan(penalties=x),
        kgen.gan.R1(),
        r"a list such as \[kgen.gan.R1\(\)\], got R1",
    ),
    "likelihood": (lambda x: vae(likelihood=x), "bernoulli", "likelihood to be an object"),
    "prior": (lambda x: vae(prior=x), "normal", "prior to be an object"),
    "schedule": (lambda x: two_sizes(schedule=x), "cosine", r"kgen.diffusion.Cosine\(\), got 'cosine'"),
    "flag": (lambda x: two_sizes(precondition=x), True, "precondition to be an object"),
    "sampler": (
        lambda x: two_sizes(sampler=x),
        kgen.diffusion.DDIM(),
        r"Plan\(solver, steps\), got DDIM",
    ),
    "solver": (
        lambda x: two_sizes().sample(1, solver=x),
        "ddim",
        r"kgen.diffusion.DDIM\(\), got 'ddim'",
    ),
    "grid": (lambda x: two_sizes().sample(1, grid=x), "karras", "grid to be an object"),
    "steps": (lambda x: two_sizes().sample(1, steps=x), 2.5, "a whole number of steps, got 2.5"),
    "transform": (lambda x: kgen.flow.RealNVP((2,), transform=x), "affine", "such as kgen.flow.Affine"),
    "autoregressive": (
        lambda x: kgen.Autoregressive(MADE, x),
        "categorical",
        "such as kgen.autoregressive.Categorical",
    ),
}


@pytest.mark.parametrize("case", OBJECTS)
def test_a_name_in_place_of_an_object_is_refused(case):
    build, value, message = OBJECTS[case]
    with pytest.raises(TypeError, match=message):
        build(value)


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """A network that learns its shapes when it is called."""

    def call(self, x):
        return x


BUILD = {
    "generator": lambda x: kgen.GAN(x, kgen.networks.mlp(2, 1)),
    "discriminator": lambda x: kgen.GAN(kgen.networks.mlp(2, 2), x),
    "encoder": lambda x: kgen.VAE(x, kgen.networks.mlp(2, 2)),
    "decoder": lambda x: kgen.VAE(kgen.networks.mlp(2, 4), x),
    "network": kgen.Diffusion,
    "network ": lambda x: kgen.Autoregressive(x, kgen.autoregressive.Tokens(3)),
    "network  ": kgen.flow.layers.Coupling,
}


@pytest.mark.parametrize("name", BUILD)
@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Subclassed(), "got Subclassed: wrap it"),
        (keras.Sequential([keras.layers.Dense(2)]), r"begin it with keras.Input\(shape\)"),
        (None, "got None"),
    ],
    ids=["subclassed", "sequential", "none"],
)
def test_a_network_of_unknown_shapes_is_refused(name, network, message):
    with pytest.raises(TypeError, match=f"expected {name.strip()} to be .*{message}"):
        BUILD[name](network)


def test_bad_streams_are_refused_at_their_first_batch():
    class Stream(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return (np.full((16, 8, 8, 1), 3.0, "float32"),)

    model = dcgan()
    model.compile("adam")
    with pytest.raises(ValueError, match=r"values in \[3, 3\]"):
        model.fit(Stream(), verbose=0)


@pytest.mark.parametrize(
    ("name", "weights"), [("sample_weight", np.ones(48)), ("class_weight", {0: 1.0})]
)
def test_weights_of_examples_are_refused(name, weights):
    model = gan()
    model.compile("adam")
    x = toy_data(named("gan"))
    with pytest.raises(ValueError, match=f"take no {name}: drop it, or resample"):
        model.fit(x, np.zeros(len(x)), **{name: weights}, verbose=0)


def test_networks_without_weights_are_refused_by_compile():
    class Lazy(kgen.GenerativeModel):
        def __init__(self):
            super().__init__()
            self.network = keras.Sequential([keras.layers.Dense(1)])

        @property
        def parts(self):
            return {"network": self.network}

    with pytest.raises(ValueError, match="'network' has no weights yet"):
        Lazy().compile("adam")


def test_an_untracked_metric_is_refused():
    model = gan()
    with pytest.raises(ValueError, match=r"\['accuracy'\] are not tracked"):
        model.update_metrics(accuracy=1.0)
