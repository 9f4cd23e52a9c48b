import shutil
from pathlib import Path

import numpy as np
import pytest

import kgen.data
from kgen.data import _make_emoji, load
from kgen.data.emoji import of_split

FILES = Path(kgen.data.__file__).parent / "files"
CATEGORIES = ["Animals", "Flags", "Food"]


@pytest.fixture
def whole(data_dir):
    """A file of 32 images, each of one value, in $KGEN_DATA_DIR; every second is a flag."""
    images = np.broadcast_to(np.arange(32, dtype=np.uint8)[:, None, None, None], (32, 32, 32, 3))
    labels = np.tile([0, 1, 2, 1], 8).astype(np.uint8)
    np.savez(data_dir / "emoji32.npz", images=images, labels=labels, categories=CATEGORIES)
    return data_dir / "emoji32.npz"


def values(data):
    return np.rint((data.x[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


@pytest.mark.parametrize(("split", "size"), [("train", 358), ("test", 51)])
def test_the_embedded_emoji(split, size):
    data = load("emoji32", split)
    assert (data.x.shape, data.x.dtype) == ((size, 32, 32, 3), np.float32)
    assert (data.x.min(), data.x.max()) == (-1, 1)
    flags = data.spec.classes.index("Flags")
    assert set(np.unique(data.y)) == set(range(9)) - {flags}
    assert data.spec.source.endswith("the part inside kgen")
    assert data.spec.licence == "Apache-2.0 (Google)"


@pytest.mark.parametrize(
    ("split", "digest"),
    [
        ("train", "ea246c9ad93bcf3c5c7a547e5238c0fe1d40fb1d3256bccaf05c0a0e59f2347a"),
        ("test", "e8274bb17995c995f760417392bb7f16762f1181cc3dc3bb906b46fcffe393a0"),
    ],
)
def test_digest(split, digest):
    assert load("emoji32", split).spec.sha256 == digest


def test_no_emoji_is_in_both_splits():
    train, test = ({image.tobytes() for image in load("emoji32", s).x} for s in ("train", "test"))
    assert not train & test


def test_small_and_with_their_licence():
    assert sum(f.stat().st_size for f in FILES.glob("emoji32*")) < 600_000
    assert "Noto Emoji" in (FILES / "NOTICE").read_text()


@pytest.mark.parametrize(
    ("split", "numbers"),
    [("test", [7, 15, 23, 31]), ("train", [i for i in range(32) if i % 8 != 7])],
)
def test_the_whole_file_where_it_is(whole, split, numbers):
    data = load("emoji32", split)
    assert values(data) == numbers
    assert data.y.tolist() == [[0, 1, 2, 1][i % 4] for i in numbers]
    assert data.spec.classes == tuple(CATEGORIES)
    assert "part" not in data.spec.source


def test_size_and_resolution(whole):
    data = load("emoji32", "test", size=2, resolution=16)
    assert data.x.shape == (2, 16, 16, 3)
    assert values(data) == [7, 23]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "tset"}, "'emoji32' has no split 'tset': did you mean 'test'"),
        ({"split": "test", "size": 52}, "51 examples, fewer than size=52"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        load("emoji32", **arguments)


def test_refuses_a_file_of_something_else(data_dir):
    np.savez(data_dir / "emoji32.npz", images=np.zeros((3, 8, 8, 3), np.uint8))
    with pytest.raises(
        ValueError, match=r"shape \(n, 32, 32, 3\) with labels, got \(3, 8, 8, 3\): put"
    ):
        load("emoji32")


def test_the_maker_takes_one_in_four_without_flags(whole, tmp_path, data_dir):
    _make_emoji.make(whole, tmp_path)
    expected = [i for i in of_split(32, "train").tolist() if i % 2 == 0][::4]
    shutil.copy(tmp_path / "emoji32-train.npz", data_dir / "made.npz")
    made = load("made.npz")
    assert values(made) == expected
    assert made.spec.classes == tuple(CATEGORIES)
