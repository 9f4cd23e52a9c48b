"""Every family saves, loads and resumes whole: weights, slots, averages, random states."""

import errno

import keras
import numpy as np
import pytest
from families import toy_data
from variables import same, state


@pytest.fixture
def model(trained):
    return trained.model


def test_config_round_trip(family):
    model = family.make()
    config = model.get_config()
    twin = type(model).from_config(config)
    assert twin.get_config() == config
    assert [w.shape for w in twin.weights] == [w.shape for w in model.weights]


def test_save_and_load_keep_everything(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.compiled
    assert [v.path.split("/")[-1] for v in loaded.optimizer.variables] == [
        v.path.split("/")[-1] for v in model.optimizer.variables
    ]
    assert same(state(model), state(loaded))
    np.testing.assert_array_equal(loaded.sample(16, seed=0), model.sample(16, seed=0))


def test_training_goes_on_bit_for_bit_after_loading(model, family, tmp_path):
    x = toy_data(family)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    model.fit(x, batch_size=16, shuffle=False, verbose=0)
    loaded.fit(x, batch_size=16, shuffle=False, verbose=0)
    assert same(state(model), state(loaded))


@pytest.mark.slow
def test_half_the_steps_and_half_in_a_new_process_are_all_the_steps(model, family, tmp_path, resume):
    model.save(tmp_path / "half.keras")
    model.fit(toy_data(family), batch_size=16, epochs=2, shuffle=False, verbose=0)
    assert same(state(model), resume(family.name, tmp_path / "half.keras"))


def test_weights_file_round_trip(model, family, tmp_path):
    model.save_weights(tmp_path / "model.weights.h5")
    twin = family.make()
    twin.compile(keras.optimizers.Adam(0.01, clipnorm=1.0))
    twin.load_weights(tmp_path / "model.weights.h5")
    assert same(twin.get_weights(), model.get_weights())


def test_a_full_disk_leaves_the_old_file(model, tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    model.save(path)
    before = path.read_bytes()

    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        model.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"not a model"])
def test_a_damaged_file_is_refused(model, tmp_path, damage):
    path = tmp_path / "model.keras"
    model.save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(Exception, match=r"zip|keras|File"):
        keras.saving.load_model(path)


def test_an_hdf5_file_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.keras, got .*model\.h5"):
        model.save(tmp_path / "model.h5")
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_kept_unless_overwrite(model, tmp_path):
    model.save(tmp_path / "model.keras")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(tmp_path / "model.keras", overwrite=False)
