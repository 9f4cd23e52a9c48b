import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

import kgen.data
from kgen.data import LazyArray, load
from kgen.data.tfds import data_dir as tfds_data_dir
from kgen.data.tfds import why_unreachable

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3)).astype(np.uint8)


def prepare(root, name, features, examples):
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version="1.0.0",
        data_dir=root / name,
        split_datasets={"train": list(enumerate(examples))},
        features=tfds.features.FeaturesDict(features),
        file_format="array_record",
        disable_shuffling=True,
    )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Three small prepared sets: tiny, ragged (images of different sizes) and words (no images)."""
    root = tmp_path_factory.mktemp("prepared")
    image, any_size = (tfds.features.Image(shape=(side, side, 3)) for side in (8, None))
    label = tfds.features.ClassLabel(names=["cat", "dog", "hen"])
    tiny = [{"image": p, "label": i % 3} for i, p in enumerate(PIXELS)]
    ragged = [{"image": PIXELS[0]}, {"image": PIXELS[1, :6]}]
    prepare(root / "tfds", "tiny", {"image": image, "label": label}, tiny)
    prepare(root / "tfds", "ragged", {"image": any_size}, ragged)
    prepare(root / "tfds", "words", {"text": tfds.features.Text()}, [{"text": "a"}])
    return root


@pytest.fixture
def sets(prepared, monkeypatch):
    monkeypatch.setenv("KGEN_DATA_DIR", str(prepared))


@pytest.fixture
def no_proxy(monkeypatch):
    monkeypatch.setattr(urllib.request, "getproxies", dict)


def refuse(address, timeout):
    raise OSError("Network is unreachable")


def hang(address, timeout):
    time.sleep(30)


def test_reads_images_and_labels(sets):
    data = load("tfds:tiny")
    assert (data.x == PIXELS.astype(np.float32) / 127.5 - 1).all()
    assert (data.y.tolist(), data.y.dtype) == ([0, 1, 2, 0, 1, 2], np.int32)
    assert (data.spec.classes, data.spec.name) == (("cat", "dog", "hen"), "tfds:tiny")


def test_size(sets):
    data = load("tfds:tiny", size=2)
    assert (data.x == PIXELS[[0, 3]].astype(np.float32) / 127.5 - 1).all()
    assert data.y.tolist() == [0, 0]


def test_large_set_is_lazy(sets, monkeypatch):
    monkeypatch.setattr("kgen.data.lazy.LIMIT", 100)
    data = load("tfds:tiny")
    assert isinstance(data.x, LazyArray)
    assert (data.spec.shape, data.spec.size, data.spec.sha256) == ((8, 8, 3), 6, None)
    x, y = data.batches(4, shuffle=False, labels=True)[1]
    assert (x == PIXELS[4:].astype(np.float32) / 127.5 - 1).all()
    assert (y.tolist(), y.dtype) == ([1, 2], np.int32)


def test_images_of_different_sizes_with_resolution(sets):
    data = load("tfds:ragged", resolution=4)
    assert (data.x.shape, data.y, data.spec.classes) == ((2, 4, 4, 3), None, None)


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("tfds:tiny", "test", "'tfds:tiny' has no split 'test': known: train"),
        ("tfds:ragged", "train", "different sizes: pass resolution="),
        ("tfds:words", "train", "no uint8 images"),
        ("tfds:mnost", "train", "no data set 'mnost': did you mean 'mnist'"),
    ],
)
def test_refuses(name, split, message, sets):
    with pytest.raises(ValueError, match=message):
        load(name, split=split)


def test_reading_imports_no_tensorflow(sets):
    program = (
        "import sys, kgen.data; d = kgen.data.load('tfds:tiny'); print(len(d));"
        "print(sorted({'tensorflow', 'jax', 'torch', 'keras'} & set(sys.modules)))"
    )
    root = Path(kgen.data.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["6", "[]"]


@pytest.mark.parametrize("connect", [refuse, hang])
@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("mnist", r"train-images-idx3-ubyte\.gz, .* into \$KGEN_DATA_DIR/mnist"),
        ("fashion_mnist", "apt install dataset-fashion-mnist"),
        ("tfds:cifar10", "copy it to .*cifar10"),
    ],
)
def test_no_network_says_so_within_five_seconds(connect, name, fix, monkeypatch, no_proxy):
    monkeypatch.setattr(socket, "create_connection", connect)
    start = time.perf_counter()
    with pytest.raises(ConnectionError, match=fix):
        load(name)
    assert time.perf_counter() - start < 5


def test_host_that_answers(no_proxy):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert why_unreachable(f"http://127.0.0.1:{port}/file", 2.0) is None


def test_proxy_is_asked_instead_of_the_host(monkeypatch):
    asked = []
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"https": "http://proxy.test:8080"})
    monkeypatch.setattr(urllib.request, "proxy_bypass", lambda host: False)
    monkeypatch.setattr(
        socket, "create_connection", lambda address, timeout: asked.append(address) or refuse(0, 0)
    )
    assert "proxy.test: Network is unreachable" in why_unreachable("https://data.test/file", 2.0)
    assert asked == [("proxy.test", 8080)]


@pytest.mark.parametrize("name", ["mnist", "tfds:cifar10"])
def test_without_tensorflow_datasets(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ModuleNotFoundError, match=re.escape('pip install "kgen[data]"')):
        load(name)


def test_fetches_a_set_that_is_not_prepared(monkeypatch, data_dir):
    fetched = []
    monkeypatch.setattr("kgen.data.tfds.why_unreachable", lambda url, timeout: None)
    monkeypatch.setattr(
        tfds.core.DatasetBuilder, "download_and_prepare", lambda self: fetched.append(self.name)
    )
    with pytest.raises(ValueError, match="no split 'train'"):
        load("tfds:cifar10")
    assert fetched == ["cifar10"]


def test_each_set_has_a_directory_of_its_own(data_dir):
    assert tfds_data_dir("emnist/letters") == data_dir / "tfds" / "emnist"


def test_cache_without_a_data_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("KGEN_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tfds_data_dir("mnist") == tmp_path / "kgen" / "tfds" / "mnist"
