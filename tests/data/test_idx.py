import gzip
import hashlib

import numpy as np
import pytest

from kgen.data import load
from kgen.data.idx import SETS

IMAGES = np.arange(20 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(20, 28, 28)
LABELS = np.arange(20, dtype=np.uint8) % 10


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("compress", [True, False])
def test_reads_raw_and_gzipped_files(name, split, compress, data_dir, write_idx_set):
    write_idx_set(data_dir / name, name, IMAGES, LABELS, compress)
    data = load(name, split=split)
    assert (data.x == IMAGES[..., None].astype(np.float32) / 127.5 - 1).all()
    assert (data.x.dtype, data.y.dtype) == (np.float32, np.int32)
    assert data.y.tolist() == LABELS.tolist()
    assert (data.spec.split, data.spec.classes) == (split, SETS[name].classes)
    assert data.spec.sha256 == hashlib.sha256(data.x.tobytes()).hexdigest()


def test_debian_package(tmp_path, write_idx_set):
    write_idx_set(tmp_path / "debian", "fashion_mnist", IMAGES, LABELS)
    assert len(load("fashion_mnist")) == 20


def test_size_takes_evenly_spaced_examples(data_dir, write_idx_set):
    write_idx_set(data_dir / "mnist", "mnist", IMAGES, LABELS)
    assert load("mnist", size=5).y.tolist() == [0, 4, 8, 2, 6]


def test_resolution(data_dir, write_idx_set):
    write_idx_set(data_dir / "mnist", "mnist", np.full((3, 28, 28), 255, np.uint8), LABELS[:3])
    data = load("mnist", resolution=32)
    assert data.x.shape == (3, 32, 32, 1)
    assert (data.x == 1).all()


@pytest.mark.parametrize(("name", "wrong"), [("mnist", "train-labels-idx1-ubyte")])
def test_corrupt_file_names_file_and_both_md5(name, wrong, data_dir, write_idx_set):
    write_idx_set(data_dir / name, name, IMAGES, LABELS)
    path = data_dir / name / f"{wrong}.gz"
    path.write_bytes(gzip.compress(b"something else"))
    with pytest.raises(ValueError, match="corrupt") as error:
        load(name)
    assert str(path) in str(error.value)
    assert f"expected md5 {SETS[name].md5[wrong]}" in str(error.value)
    assert f"found {hashlib.md5(b'something else').hexdigest()}" in str(error.value)


@pytest.mark.parametrize("damage", [lambda b: b[:-20], lambda b: b"no gzip" + b])
def test_broken_gzip_names_the_file(damage, data_dir, write_idx_set):
    write_idx_set(data_dir / "mnist", "mnist", IMAGES, LABELS)
    path = data_dir / "mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz: corrupt .*md5"):
        load("mnist")
