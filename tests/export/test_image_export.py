"""A sampler that is told an image, as a SavedModel."""

import numpy as np
import pytest
import tensorflow as tf
from export_models import inputs_of, model_of

pytestmark = pytest.mark.slow  # torch exports through a second process


def test_the_image_is_an_input_of_the_saved_model(exported):
    model = model_of("superres")
    inputs = inputs_of("superres", "generate")
    serve = tf.saved_model.load(str(exported("superres"))).signatures["generate"]
    served = serve(**{name: tf.constant(value) for name, value in inputs.items()})["output_0"]
    assert list(inputs) == ["seed", "image"]
    drawn = model.sample(5, image=inputs["image"], seed=7)
    np.testing.assert_allclose(served, drawn, rtol=0, atol=1e-4)
    assert np.abs(drawn - model.sample(5, image=-inputs["image"], seed=7)).max() > 0.01
