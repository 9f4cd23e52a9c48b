"""A model that is told an image: the oracle knows that the data are that image."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen import diffusion

IMAGES = np.random.default_rng(0).uniform(-1.0, 1.0, size=(3, 4, 4, 1)).astype("float32")


@keras.saving.register_keras_serializable("tests")
class Copies(keras.layers.Layer):
    """The best velocity for data that are the image: z - x."""

    def call(self, x, t, image):
        t = ops.reshape(t, (-1, 1, 1, 1))
        return (x - (1.0 - t) * image) / t - image


@pytest.fixture(scope="module")
def oracle():
    inputs = [keras.Input((4, 4, 1), name="x"), keras.Input((), name="t")]
    inputs.append(keras.Input((4, 4, 1), name="image"))
    return kgen.Diffusion(keras.Model(inputs, Copies()(*inputs)))


def test_each_sample_is_drawn_for_its_image(oracle):
    np.testing.assert_allclose(oracle.sample(3, image=IMAGES, steps=4, seed=0), IMAGES, atol=1e-4)


def test_one_image_serves_all_samples(oracle):
    drawn = oracle.sample(3, image=IMAGES[1], steps=4, seed=0)
    np.testing.assert_allclose(drawn, IMAGES[[1, 1, 1]], atol=1e-4)


def test_an_image_and_known_pixels_together(oracle):
    """Known pixels win over what the network would draw."""
    known = np.broadcast_to(np.eye(4) > 0, (3, 4, 4))[..., None]
    options = {"image": IMAGES, "steps": 4, "resample": 2, "seed": 0}
    filled = oracle.inpaint(-IMAGES, known, solver=diffusion.DDIM(), **options)
    np.testing.assert_allclose(filled, np.where(known, -IMAGES, IMAGES), atol=1e-4)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (None, "the model needs image"),
        (IMAGES[:2], r"\(4, 4, 1\) or \(3, 4, 4, 1\), got \(2, 4, 4, 1\)"),
    ],
    ids=["none", "too few"],
)
def test_what_cannot_be_is_refused(oracle, image, message):
    with pytest.raises(ValueError, match=message):
        oracle.sample(3, image=image)


@pytest.mark.parametrize("condition", [IMAGES, {"image": IMAGES}], ids=["array", "dict"])
def test_the_loss_is_that_of_each_example_with_its_image(oracle, condition):
    """Nothing for the image itself; arrays are taken as they come, as in a step that runs eagerly."""
    keys = kgen.random.keys(0, 3)
    own = ops.convert_to_numpy(oracle.losses_of(IMAGES, condition, keys))
    np.testing.assert_allclose(own, 0.0, atol=1e-6)
    others = ops.convert_to_numpy(oracle.losses_of(IMAGES[::-1].copy(), condition, keys))
    assert np.all(others[[0, 2]] > 0.1)
