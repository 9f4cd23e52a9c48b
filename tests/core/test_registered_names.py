"""Names under which classes are saved."""

import keras
import pytest

import kgen


@pytest.mark.parametrize("room", [kgen.vae, kgen.autoregressive], ids=lambda room: room.__name__)
def test_two_likelihoods_of_one_name_are_saved_apart(room):
    config = keras.saving.serialize_keras_object(room.Bernoulli())
    assert type(keras.saving.deserialize_keras_object(config)) is room.Bernoulli
