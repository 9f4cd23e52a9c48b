"""The three backends agree: the same weights, data and seeds give the same numbers everywhere.

One run of this folder starts one process a backend; KERAS_BACKEND of the pytest process is the
backend that loads the files of the others.
"""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from families import FAMILIES, PARITY_ONLY

BACKENDS = ("tensorflow", "jax", "torch")
TOLERANCE = 1e-4
NAMES = [family.name for family in [*FAMILIES, *PARITY_ONLY]]

pytestmark = pytest.mark.timeout(1800)  # the first case waits for three processes of all families


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parity")
    script = Path(__file__).with_name("record.py")
    for backend in BACKENDS:
        environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, script, folder], check=True, env=environment)
    return folder


def load(folder, backend, name, kind):
    with np.load(folder / backend / f"{name}.npz") as file:
        return {key: file[key] for key in file.files if key.startswith(kind)}


@pytest.mark.parametrize("kind", ["gradient", "loss", "evaluate", "weight", "samples"])
@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("name", NAMES)
def test_same_numbers_as_on_tensorflow(recorded, name, backend, kind):
    expected = load(recorded, "tensorflow", name, kind)
    found = load(recorded, backend, name, kind)
    assert list(found) == list(expected)
    assert expected
    np.testing.assert_allclose(
        np.concatenate([v.ravel().astype("float64") for v in found.values()]),
        np.concatenate([v.ravel().astype("float64") for v in expected.values()]),
        rtol=TOLERANCE,
        atol=TOLERANCE,
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_saved_on_any_backend_loads_here_with_every_slot(recorded, name, backend):
    model = keras.saving.load_model(recorded / backend / f"{name}.keras")
    expected = load(recorded, backend, name, "weight")
    for_comparison = zip(model.weights, expected.values(), strict=True)
    assert all(np.array_equal(variable.numpy(), value) for variable, value in for_comparison)
    assert int(model.optimizer.iterations.numpy()) == 8
    moments = [v.numpy() for v in model.optimizer.variables if len(v.shape) > 1]
    assert moments
    assert all(np.abs(moment).max() > 0 for moment in moments)
    np.testing.assert_allclose(
        model.sample(16, seed=5), load(recorded, backend, name, "samples")["samples"], atol=1e-5
    )
