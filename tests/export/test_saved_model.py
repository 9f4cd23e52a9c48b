"""SavedModels by JAX's own path: promises/ has every family written by TensorFlow.

Three kinds (convolutions, a likelihood's four endpoints, fifty steps) and a user's own model.
"""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import tensorflow as tf
from export_models import TOLERANCES, first, inputs_of, model_of, output_of

import kgen

ENDPOINTS = [
    ("dcgan", "generate"),
    ("dcgan", "discriminate"),
    ("conv_vae", "generate"),
    ("conv_vae", "encode"),
    ("conv_vae", "decode"),
    ("conv_vae", "reconstruct"),
    ("walk", "generate"),
    ("walk", "move"),
    ("guided", "generate"),
]

SERVER = """
import sys
sys.modules.update(keras=None, kgen=None)  # as if they were not installed
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
np.save(sys.argv[3], model.generate(np.load(sys.argv[2])))
assert not [name for name in sys.modules if name.startswith(("keras.", "kgen."))]
"""


@pytest.fixture(scope="session")
def loaded(exported):
    """Loads what `exported` wrote, once."""
    return cache(lambda *arguments: tf.saved_model.load(str(exported(*arguments))))


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize(("family", "endpoint"), ENDPOINTS)
def test_endpoint_equals_the_python_model(loaded, family, endpoint, n):
    served = getattr(loaded(family), endpoint)(*first(inputs_of(family, endpoint), n).values())
    expected = output_of(family, endpoint)[:n]
    assert np.size(expected) == 1 or np.std(expected) > 0.01  # one number has nothing to differ from
    np.testing.assert_allclose(served, expected, rtol=0, atol=TOLERANCES[family])


@pytest.mark.parametrize("family", ["dcgan", "conv_vae", "walk"])
def test_keys_of_a_seed_give_the_samples_of_that_seed(loaded, family):
    served = loaded(family).generate(kgen.random.keys(7, 5))
    np.testing.assert_allclose(served, model_of(family).sample(5, seed=7), rtol=0, atol=1e-5)


@pytest.mark.parametrize("endpoint", ["generate", "encode", "decode", "reconstruct"])
def test_plain_tensorflow_operations_give_the_same(exported, loaded, endpoint):
    arguments = ("conv_vae", "tf_saved_model", False)
    assert b"XlaCallModule" not in (exported(*arguments) / "saved_model.pb").read_bytes()
    served = getattr(loaded(*arguments), endpoint)(*inputs_of("conv_vae", endpoint).values())
    np.testing.assert_allclose(served, output_of("conv_vae", endpoint), rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["dcgan", "conv_vae", "walk"])
def test_every_endpoint_is_a_signature_and_generate_the_default(loaded, family):
    signatures = loaded(family).signatures
    assert set(signatures) == {*model_of(family).endpoints, "serving_default"}
    default = signatures["serving_default"].structured_input_signature[1]
    assert default == {"seed": tf.TensorSpec((None, 2), tf.int32, name="seed")}


def test_signature_takes_its_inputs_by_name(loaded):
    tensors = {name: tf.constant(value) for name, value in inputs_of("walk", "move").items()}
    served = loaded("walk").signatures["move"](**tensors)
    np.testing.assert_allclose(served["output_0"], output_of("walk", "move"), rtol=0, atol=1e-5)


def test_only_the_weights_that_the_endpoints_need_are_written(loaded):
    """The averaged generator, and the discriminator without the random streams of its Dropout."""
    model = model_of("dcgan")
    served = sorted(tuple(variable.shape) for variable in loaded("dcgan").weights)
    needed = [*model.ema.average.variables, *model.discriminator.variables]
    assert served == sorted(tuple(v.shape) for v in needed if v.name != "state")


def test_serves_where_neither_kgen_nor_keras_is_installed(exported, tmp_path):
    keys, samples = tmp_path / "keys.npy", tmp_path / "samples.npy"
    np.save(keys, kgen.random.keys(7, 5))
    command = [sys.executable, "-c", SERVER, str(exported("dcgan")), str(keys), str(samples)]
    subprocess.run(command, check=True)
    expected = model_of("dcgan").sample(5, seed=7)
    np.testing.assert_allclose(np.load(samples), expected, rtol=0, atol=1e-5)
