import dataclasses
import gzip
import hashlib

import pytest

from kgen.data.idx import SETS


@pytest.fixture(autouse=True)
def data_dir(tmp_path, monkeypatch):
    """An empty KGEN_DATA_DIR: the tests do not depend on what the machine happens to hold."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("KGEN_DATA_DIR", str(folder))
    monkeypatch.setattr("kgen.data.idx.DEBIAN", tmp_path / "debian")
    return folder


@pytest.fixture
def write_idx_set(monkeypatch):
    """Writes the four files of a fake idx set, and makes their md5 the published one."""

    def write(folder, name, images, labels, compress=True):
        folder.mkdir(parents=True)
        about = SETS[name]
        raw = {f: idx_bytes(images if "images" in f else labels) for f in about.md5}
        md5 = {f: hashlib.md5(b).hexdigest() for f, b in raw.items()}
        monkeypatch.setitem(SETS, name, dataclasses.replace(about, md5=md5))
        for file, content in raw.items():
            path = folder / (f"{file}.gz" if compress else file)
            path.write_bytes(gzip.compress(content) if compress else content)

    return write


def idx_bytes(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.tobytes()
