"""Files are whole or not there at all: what `core/saving.py` promises, which knows no family."""

import errno

import keras
import numpy as np
import pytest
from families import gan, named, toy_data
from variables import same

DATA = np.linspace(-1.0, 1.0, 64, dtype="float32").reshape(32, 2)


@pytest.fixture(scope="module")
def model():
    model = gan()
    model.compile(keras.optimizers.Adam(0.01, clipnorm=1.0))
    model.fit(DATA, batch_size=16, verbose=0)
    return model


def test_weights_file_round_trip(model, tmp_path):
    model.save_weights(tmp_path / "model.weights.h5")
    twin = gan()
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


def test_no_file_names_the_module_of_a_backend(model, tmp_path):
    """Keras on torch makes optimizers of private classes, which no other backend can import."""
    for optimizer in ("adam", keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))):
        twin = gan()
        twin.compile(optimizer)
        assert "keras.src" not in str(twin.get_compile_config()["optimizer"])


def test_an_older_file_that_names_torch_is_read(model):
    config = model.get_compile_config()
    for member in config["optimizer"]["config"]["members"].values():
        member |= {"module": "keras.src.backend.torch.optimizers.torch_adam", "registered_name": "Adam"}
    twin = gan()
    twin.compile_from_config(config)
    assert type(twin.optimizer["generator"]) is type(keras.optimizers.Adam())


def test_half_the_steps_in_a_process_of_their_own_are_all_the_steps(tmp_path, fresh_process):
    """BatchNorm, Dropout's seeds, an average, two optimizers, several steps of one."""

    family = named("dcgan")
    model = family.make()
    model.compile(keras.optimizers.Adam(0.01))
    data = toy_data(family)
    model.fit(data, batch_size=16, shuffle=False, verbose=0)
    model.save(tmp_path / "half.keras")
    model.fit(data, batch_size=16, epochs=2, shuffle=False, verbose=0)
    assert same(
        [v.numpy() for v in [*model.variables, *model.optimizer.variables]],
        fresh_process(family.name, tmp_path / "half.keras"),
    )
