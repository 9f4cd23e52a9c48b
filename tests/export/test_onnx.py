"""ONNX files of a user's own model, handed to a process on TensorFlow."""

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from export_models import first, inputs_of, model_of, output_of

import kgen

pytestmark = pytest.mark.slow


def open_file(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("endpoint", ["generate", "move"])
def test_endpoint_equals_the_python_model(exported, endpoint, n):
    session = open_file(exported("walk", "onnx") / f"{endpoint}.onnx")
    (served,) = session.run(["output_0"], first(inputs_of("walk", endpoint), n))
    np.testing.assert_allclose(served, output_of("walk", endpoint)[:n], rtol=0, atol=1e-5)


def test_the_hand_over_writes_a_saved_model_too(exported):
    loaded = tf.saved_model.load(str(exported("walk")))
    served = loaded.generate(kgen.random.keys(7, 5))
    np.testing.assert_allclose(served, model_of("walk").sample(5, seed=7), rtol=0, atol=1e-5)


def test_keys_of_a_seed_give_the_samples_of_that_seed(exported):
    session = open_file(exported("walk", "onnx") / "generate.onnx")
    (served,) = session.run(None, {"seed": kgen.random.keys(7, 5)})
    np.testing.assert_allclose(served, model_of("walk").sample(5, seed=7), rtol=0, atol=1e-5)


def test_one_file_an_endpoint(exported):
    names = {path.name for path in exported("walk", "onnx").iterdir()}
    assert names == {f"{name}.onnx" for name in model_of("walk").endpoints}


def test_inputs_are_named_and_share_a_free_batch(exported):
    session = open_file(exported("walk", "onnx") / "move.onnx")
    shapes = {value.name: value.shape for value in (*session.get_inputs(), *session.get_outputs())}
    assert shapes == {
        "x": ["batch", 4, 4, 1],
        "seed": ["batch", 2],
        "output_0": ["batch", 4, 4, 1],
    }
