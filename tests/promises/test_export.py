"""Every family becomes a SavedModel and ONNX files, whose endpoints give what the record has."""

import numpy as np
import pytest
from test_training import kind


@pytest.mark.parametrize(("form", "n"), [("tf_saved_model", 5), ("onnx", 1), ("onnx", 5)])
def test_each_endpoint_serves_the_numbers_of_the_record(results, family, form, n):
    if form == "onnx" and not family.onnx:
        pytest.skip("tf2onnx lacks an operation")
    served = kind(results("export", "tensorflow", family.name), f"{form}/{n}")
    record = results("record", "torch", family.name)
    endpoints = {name.split("/")[2] for name in served}
    assert "generate" in endpoints
    assert endpoints == {
        name.split("/")[1] for name in record if name.startswith("answer/") and name.count("/") == 2
    }
    for name, value in served.items():
        expected = record[f"answer/{name.split('/', 2)[2]}"]
        np.testing.assert_allclose(value, expected[:n], rtol=1e-4, atol=1e-4, err_msg=name)
