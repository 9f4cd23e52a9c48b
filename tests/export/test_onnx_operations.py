"""What tf2onnx lacks: log(1 + x), exp(x) - 1 to the last digits also where x is small, and erfc."""

import math

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import tf2onnx

from kgen.backend.tensorflow.onnx_operations import register

SMALL = np.array([1e-12, 1e-7, -1e-5, 3e-3, -0.5], "float32")


@pytest.mark.parametrize(
    ("function", "exact", "x"),
    [
        (tf.math.log1p, np.log1p, [*SMALL, -0.999, 0.0, 1.0, 40.0, 1e9, 1e30]),
        (tf.math.expm1, np.expm1, [*SMALL, -80.0, 0.0, 1.0, 20.0, 60.0]),
        (tf.math.erfc, np.vectorize(math.erfc), [*SMALL, -3.0, 0.0, 1.0, 2.0]),
    ],
    ids=["log1p", "expm1", "erfc"],
)
def test_operations_are_exact(function, exact, x):
    register()
    x = np.array(x, "float32")
    signature = [tf.TensorSpec((None,), tf.float32, name="x")]
    proto, _ = tf2onnx.convert.from_function(
        tf.function(lambda x: {"y": function(x)}, input_signature=signature),
        input_signature=signature,
        opset=18,
    )
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (y,) = session.run(["y"], {"x": x})
    np.testing.assert_allclose(
        y, exact(x.astype("float64")), rtol=1e-6, atol=2e-7 * (function is tf.math.erfc)
    )
