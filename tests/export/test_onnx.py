import numpy as np
import onnxruntime
import pytest
from export_models import TOLERANCES, first, inputs_of, model_of, output_of
from test_saved_model import ENDPOINTS

import kgen

pytestmark = pytest.mark.slow


def open_file(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize(("family", "endpoint"), ENDPOINTS)
def test_endpoint_equals_the_python_model(exported, family, endpoint, n):
    session = open_file(exported(family, "onnx") / f"{endpoint}.onnx")
    (served,) = session.run(["output_0"], first(inputs_of(family, endpoint), n))
    expected = output_of(family, endpoint)[:n]
    np.testing.assert_allclose(served, expected, rtol=0, atol=TOLERANCES[family])


@pytest.mark.parametrize("family", ["dcgan", "conv_vae", "walk"])
def test_keys_of_a_seed_give_the_samples_of_that_seed(exported, family):
    session = open_file(exported(family, "onnx") / "generate.onnx")
    (served,) = session.run(None, {"seed": kgen.random.keys(7, 5)})
    np.testing.assert_allclose(served, model_of(family).sample(5, seed=7), rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["dcgan", "conv_vae", "walk"])
def test_one_file_an_endpoint(exported, family):
    names = {path.name for path in exported(family, "onnx").iterdir()}
    assert names == {f"{name}.onnx" for name in model_of(family).endpoints}


def test_inputs_are_named_and_share_a_free_batch(exported):
    session = open_file(exported("walk", "onnx") / "move.onnx")
    shapes = {value.name: value.shape for value in (*session.get_inputs(), *session.get_outputs())}
    assert shapes == {
        "x": ["batch", 4, 4, 1],
        "seed": ["batch", 2],
        "output_0": ["batch", 4, 4, 1],
    }
