"""Autoregressive samplers as files: loops over rows around loops over pixels, and a key-value cache."""

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from families import set_numpy_weights

import kgen
from kgen.autoregressive import LogisticMixture, Tokens

pytestmark = pytest.mark.slow  # torch exports through a second process


def images():
    likelihood = LogisticMixture(2, levels=8)
    network = kgen.networks.gated_pixelcnn((3, 4, 1), likelihood.outputs(), width=4, depth=2)
    return kgen.Autoregressive(network, likelihood)


def texts():
    network = kgen.networks.transformer((4,), 5, vocabulary=5, width=8, depth=1, heads=2, classes=3)
    return kgen.Autoregressive(network, Tokens(5), classes=3)


def saved_model(model, path):
    model.export(path)
    return tf.saved_model.load(str(path))


def serve_saved_model(loaded, endpoint, inputs):
    return getattr(loaded, endpoint)(*inputs).numpy()


def onnx(model, path):
    model.export(path, format="onnx")
    return {
        name: onnxruntime.InferenceSession(path / f"{name}.onnx", providers=["CPUExecutionProvider"])
        for name in model.endpoints
    }


def serve_onnx(sessions, endpoint, inputs):
    names = [value.name for value in sessions[endpoint].get_inputs()]
    return sessions[endpoint].run(None, dict(zip(names, inputs, strict=True)))[0]


CASES = {
    "images-saved_model": (images, saved_model, serve_saved_model),
    "texts-onnx": (texts, onnx, serve_onnx),
}


@pytest.fixture(scope="module", params=CASES)
def case(request, tmp_path_factory):
    make, write, serve = CASES[request.param]
    model = make()
    set_numpy_weights(model)
    return model, write(model, tmp_path_factory.mktemp("export") / "model"), serve


@pytest.fixture(scope="module")
def expected(case):
    """Three examples of the arguments of each endpoint, and what the Python model gives for them."""
    model, _, _ = case
    labels = [] if model.classes is None else [np.arange(3, dtype="int32")]
    x, seed, known = model.sample(3, seed=1), kgen.random.keys(7, 3), np.arange(3, dtype="int32")
    inputs = {
        "generate": [seed, *labels],
        "extend": [x, known, seed, *labels],
        "log_prob": [x, *labels],
    }
    return {name: (arrays, getattr(model, name)(*arrays)) for name, arrays in inputs.items()}


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("endpoint", ["generate", "extend", "log_prob"])
def test_endpoint_equals_the_python_model(case, expected, endpoint, n):
    _, written, serve = case
    inputs, outputs = expected[endpoint]
    served = serve(written, endpoint, [array[:n] for array in inputs])
    np.testing.assert_allclose(served, outputs[:n], rtol=1e-5, atol=1e-5)


def test_a_file_of_keras_keeps_samples_and_likelihoods(case, expected, tmp_path):
    model, _, _ = case
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(3, seed=2), model.sample(3, seed=2))
    inputs, outputs = expected["log_prob"]
    np.testing.assert_array_equal(loaded.log_prob(*inputs), outputs)
