import subprocess
import sys
import timeit
from pathlib import Path

import numpy as np
import pytest

import kgen.data
from kgen.data import _make_fashion_mini, load

ROOT = Path(kgen.data.__file__).parents[2]
FILES = Path(kgen.data.__file__).parent / "files"


@pytest.mark.parametrize(("split", "per_class"), [("train", 1000), ("test", 200)])
def test_balanced_images_in_range(split, per_class):
    data = load("fashion_mini", split=split)
    assert (data.x.shape, data.x.dtype) == ((10 * per_class, 28, 28, 1), np.float32)
    assert (data.x.min(), data.x.max()) == (-1, 1)
    assert np.bincount(data.y).tolist() == [per_class] * 10
    assert data.y.dtype == np.int32


# Published facts: the first ten training labels of Fashion-MNIST, and those of the test set.
@pytest.mark.parametrize(
    ("split", "labels"),
    [("train", [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]), ("test", [9, 2, 1, 1, 6, 1, 4, 6, 5, 7])],
)
def test_order_of_the_original(split, labels):
    assert load("fashion_mini", split=split).y[:10].tolist() == labels


def test_spec():
    spec = load("fashion_mini").spec
    assert (spec.name, spec.split, spec.shape, spec.size) == (
        "fashion_mini",
        "train",
        (28, 28, 1),
        10_000,
    )
    assert (spec.range, len(spec.classes), spec.classes[9]) == ((-1.0, 1.0), 10, "Ankle boot")
    assert "MIT" in spec.licence


@pytest.mark.parametrize(
    ("split", "digest"),
    [
        ("train", "88fd68c81ab064990f7a26c5db0da06fbebf9d41fcf93d8bff3e397295c3bc70"),
        ("test", "e8d8bf875c0ca880d2606b924cd3eafee15aab5fe871ee9afad045ec3b36a63e"),
    ],
)
def test_digest(split, digest):
    assert load("fashion_mini", split=split).spec.sha256 == digest


def test_at_most_6_megabytes():
    assert sum(f.stat().st_size for f in FILES.iterdir()) < 6_000_000


def test_notice_names_the_licence():
    notice = (FILES / "NOTICE").read_text()
    assert "Copyright (c) 2017 Zalando SE, https://tech.zalando.com" in notice
    assert "Permission is hereby granted, free of charge" in notice


def test_read_in_half_a_second():
    assert min(timeit.repeat(lambda: load("fashion_mini"), number=1, repeat=3)) < 0.5


def test_loads_no_framework():
    program = (
        "import sys, kgen.data; kgen.data.load('fashion_mini'); kgen.data.load('ring8');"
        "print(sorted({'tensorflow', 'jax', 'torch', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_batches_stays_reachable_though_lazy():
    assert kgen.data.Batches.__name__ == "Batches"


def test_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Batch'"):
        kgen.data.Batch  # noqa: B018


def test_maker_takes_the_first_of_each_class(data_dir, tmp_path, write_idx_set, monkeypatch):
    labels = np.array([1, 0, 1, 0, 1, 0], np.uint8)
    images = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2)
    monkeypatch.setattr(_make_fashion_mini, "PER_CLASS", {"train": 2, "test": 1})
    write_idx_set(data_dir / "fashion_mnist", "fashion_mnist", images, labels)
    _make_fashion_mini.make(tmp_path)
    with np.load(tmp_path / "fashion_mini-train.npz") as file:
        assert file["labels"].tolist() == [1, 0, 1, 0]
        assert (file["images"] == images[:4]).all()


def test_maker_says_what_it_needs(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"KGEN_DATA_DIR/fashion_mnist"):
        _make_fashion_mini.make(tmp_path)
