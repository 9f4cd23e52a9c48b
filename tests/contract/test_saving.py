"""Every family saves, loads and resumes whole: weights, slots, averages, random states."""

import errno
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from families import FAMILIES, toy_data


@pytest.fixture(params=FAMILIES, ids=lambda family: family.name)
def family(request):
    return request.param


@pytest.fixture
def trained(family):
    model = family.make()
    model.compile(keras.optimizers.Adam(0.01, clipnorm=1.0))
    model.fit(toy_data(family), batch_size=16, epochs=2, verbose=0)
    return model


def state(model):
    """Every variable of a model and of its optimizer, in order, as NumPy arrays."""
    return [np.array(v.numpy()) for v in [*model.variables, *model.optimizer.variables]]


def test_config_round_trip(family):
    model = family.make()
    config = model.get_config()
    twin = type(model).from_config(config)
    assert twin.get_config() == config
    assert [w.shape for w in twin.weights] == [w.shape for w in model.weights]


def test_save_and_load_keep_everything(trained, family, tmp_path):
    trained.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.compiled
    assert [v.path.split("/")[-1] for v in loaded.optimizer.variables] == [
        v.path.split("/")[-1] for v in trained.optimizer.variables
    ]
    for_comparison = zip(state(trained), state(loaded), strict=True)
    assert all(np.array_equal(a, b) for a, b in for_comparison)
    np.testing.assert_array_equal(loaded.sample(3, seed=0), trained.sample(3, seed=0))


def test_training_goes_on_bit_for_bit_after_loading(trained, family, tmp_path):
    x = toy_data(family)
    trained.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    trained.fit(x, batch_size=16, shuffle=False, verbose=0)
    loaded.fit(x, batch_size=16, shuffle=False, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(state(trained), state(loaded), strict=True))


RESUME = """
    import sys
    import numpy as np, keras, kgen
    from families import FAMILIES, toy_data
    family = next(f for f in FAMILIES if f.name == sys.argv[1])
    model = keras.saving.load_model(sys.argv[2])
    model.fit(toy_data(family), batch_size=16, epochs=2, shuffle=False, verbose=0)
    values = [np.array(v.numpy()) for v in [*model.variables, *model.optimizer.variables]]
    np.savez(sys.argv[3], *values)
"""


@pytest.mark.slow
def test_half_the_steps_and_half_in_a_new_process_are_all_the_steps(family, tmp_path):
    x = toy_data(family)
    model = family.make()
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x, batch_size=16, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "half.keras")
    model.fit(x, batch_size=16, epochs=2, shuffle=False, verbose=0)
    script = textwrap.dedent(RESUME)
    arguments = [family.name, str(tmp_path / "half.keras"), str(tmp_path / "end.npz")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, env=environment)
    with np.load(tmp_path / "end.npz") as end:
        resumed = [end[key] for key in end.files]
    assert all(np.array_equal(a, b) for a, b in zip(state(model), resumed, strict=True))


def test_weights_file_round_trip(trained, family, tmp_path):
    trained.save_weights(tmp_path / "model.weights.h5")
    twin = family.make()
    twin.compile(keras.optimizers.Adam(0.01, clipnorm=1.0))
    twin.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(twin.sample(3, seed=0), trained.sample(3, seed=0))


def test_a_full_disk_leaves_the_old_file(trained, tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    trained.save(path)
    before = path.read_bytes()

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        trained.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"not a model"])
def test_a_damaged_file_is_refused(trained, tmp_path, damage):
    path = tmp_path / "model.keras"
    trained.save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(Exception, match=r"zip|keras|File"):
        keras.saving.load_model(path)


def test_an_existing_file_is_kept_unless_overwrite(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        trained.save(tmp_path / "model.keras", overwrite=False)
