"""On TensorFlow `fit` does not wait for the thread that tunes its input; see `fit_strategy`."""

import os
import subprocess
import sys

import pytest

CODE = """
import keras, kgen, numpy as np, tensorflow as tf
from kgen.data import Batches

seen = []
iterate = tf.data.Dataset.__iter__
tf.data.Dataset.__iter__ = lambda self: seen.append(self.options().autotune.enabled) or iterate(self)

model = kgen.VAE(kgen.networks.mlp(2, 4), kgen.networks.mlp(2, 2), kgen.vae.Gaussian(0.1))
model.compile("adam", run_eagerly=True)
x = np.zeros((8, 2), "float32")
tuned = tf.data.Options()
tuned.autotune.enabled = True
data = {
    "array": dict(x=x, batch_size=4),
    "batches": dict(x=Batches(x, None, 4)),
    "user": dict(x=tf.data.Dataset.from_tensors((x,)).with_options(tuned)),
}
model.fit(**data[NAME], verbose=0)
print(seen[-1])
"""


@pytest.mark.slow
@pytest.mark.parametrize(("data", "tunes"), [("array", False), ("batches", False), ("user", True)])
def test_input_is_tuned_only_where_the_user_asks(data, tunes):
    code = CODE.replace("NAME", repr(data))
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.stdout.strip() == str(tunes), result.stderr
