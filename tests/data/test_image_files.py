import numpy as np
import pytest
from PIL import Image

from kgen.data import LazyArray, load
from kgen.data.images import resize, to_float

RGB = np.arange(6 * 8 * 8 * 3, dtype=np.uint32).astype(np.uint8).reshape(6, 8, 8, 3)


def write_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def write_folder(folder, files):
    """Writes images: {relative path: uint8 array}."""
    folder.mkdir()
    for name, pixels in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    return folder


def test_npz(tmp_path):
    labels = np.array([0, 1, 2, 0, 1, 2], np.uint8)
    categories = np.array(["sun", "moon", "star"])
    path = write_npz(tmp_path / "a.npz", images=RGB, labels=labels, categories=categories)
    data = load(path)
    assert (data.x == RGB.astype(np.float32) / 127.5 - 1).all()
    assert (data.y.tolist(), data.y.dtype) == (labels.tolist(), np.int32)
    assert (data.spec.classes, data.spec.source) == (("sun", "moon", "star"), str(path))


def test_npz_without_labels(tmp_path):
    data = load(write_npz(tmp_path / "a.npz", images=RGB))
    assert (data.y, data.spec.classes) == (None, None)


def test_npz_of_floats_is_kept(tmp_path):
    x = np.linspace(-1, 1, 32).reshape(2, 4, 4)
    assert (load(write_npz(tmp_path / "a.npz", images=x)).x == x[..., None].astype("f4")).all()


def test_npz_in_the_data_directory(data_dir):
    write_npz(data_dir / "emoji.npz", images=RGB)
    assert len(load("emoji.npz")) == 6


def test_npz_size(tmp_path):
    path = write_npz(tmp_path / "a.npz", images=RGB, labels=np.arange(6))
    data = load(path, size=3)
    assert (data.y.tolist(), data.x.shape) == ([0, 2, 4], (3, 8, 8, 3))
    assert len(data.spec.classes) == 6


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": RGB}, "no array 'images'; its arrays are: x"),
        ({"images": RGB[:0]}, "empty"),
        (
            {"images": RGB, "labels": np.zeros(5, int)},
            r"of shape \(6,\), got int64 of shape \(5,\)",
        ),
        ({"images": RGB, "labels": np.zeros(6)}, "labels must be integers"),
        ({"images": RGB, "labels": np.full(6, -1)}, r"labels must be in 0\.\."),
        ({"images": RGB.astype(np.int64)}, "must be uint8, or floats"),
        ({"images": RGB.astype(np.float32)}, r"must be in \[-1, 1\], got \[0, 255\]"),
        ({"images": np.full((2, 4, 4), np.nan)}, r"NaN or infinity at index \(0, 0, 0, 0\)"),
        ({"images": RGB[0, 0]}, "must have shape"),
        ({"images": np.array([{}, {}])}, "[Oo]bject arrays|pickle"),
    ],
)
def test_npz_refuses(arrays, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load(write_npz(tmp_path / "a.npz", **arrays))


def test_npz_that_is_none(tmp_path):
    (tmp_path / "a.npz").write_text("text")
    with pytest.raises(ValueError, match=r"a\.npz"):
        load(tmp_path / "a.npz")


def test_npz_has_one_split(tmp_path):
    message = "has no split 'test': known: train; a folder with train.npz and test.npz has both"
    with pytest.raises(ValueError, match=message):
        load(write_npz(tmp_path / "a.npz", images=RGB), split="test")


def test_a_folder_of_npz_files_has_their_splits(tmp_path):
    for split, images in {"train": RGB, "test": RGB[:2]}.items():
        write_npz(tmp_path / f"{split}.npz", images=images)
    assert (len(load(tmp_path)), len(load(tmp_path, "test"))) == (6, 2)
    with pytest.raises(ValueError, match="has no split 'tset': did you mean 'test'"):
        load(tmp_path, "tset")


def test_folder_of_classes(tmp_path):
    files = {"cat/b.png": RGB[1], "cat/a.png": RGB[0], "ant/c.png": RGB[2]}
    data = load(write_folder(tmp_path / "pets", files))
    assert (data.x == RGB[[2, 0, 1]].astype(np.float32) / 127.5 - 1).all()
    assert (data.y.tolist(), data.spec.classes) == ([0, 1, 1], ("ant", "cat"))


def test_folder_of_grey_images_without_classes(tmp_path):
    data = load(write_folder(tmp_path / "grey", {"a.png": RGB[0, ..., 0]}))
    assert (data.x.shape, data.y) == ((1, 8, 8, 1), None)


@pytest.mark.parametrize(("split", "n"), [("train", 2), ("test", 1)])
def test_folder_with_splits(split, n, tmp_path):
    files = {"train/a/1.png": RGB[0], "train/b/2.png": RGB[1], "test/a/3.png": RGB[2]}
    assert len(load(write_folder(tmp_path / "split", files), split=split)) == n


def test_transparent_pixels_become_white(tmp_path):
    clear = np.zeros((4, 4, 4), np.uint8)
    assert (load(write_folder(tmp_path / "clear", {"a.png": clear})).x == 1).all()


def test_folder_of_different_sizes_with_resolution(tmp_path):
    folder = write_folder(tmp_path / "mixed", {"a.png": RGB[0], "b.png": RGB[1, :5]})
    assert load(folder, resolution=4).x.shape == (2, 4, 4, 3)


def test_large_folder_is_lazy(tmp_path, monkeypatch):
    monkeypatch.setattr("kgen.data.lazy.LIMIT", 100)
    data = load(write_folder(tmp_path / "large", {"a.png": RGB[0], "b.png": RGB[1]}))
    assert isinstance(data.x, LazyArray)
    assert data.spec.sha256 is None
    assert (np.asarray(data.x) == to_float(RGB[:2])).all()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no images in this folder"),
        ({"a.png": RGB[0], "b.png": RGB[1, :5]}, "a.png is 8x8, .*b.png is 8x5: pass resolution="),
        ({"a.png": RGB[0], "cat/b.png": RGB[1]}, "a.png: outside of the class folders"),
        ({"a.png": np.zeros((4, 4), np.uint16)}, "convert the image to 8 bits"),
    ],
)
def test_folder_refuses(files, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load(write_folder(tmp_path / "folder", files))


def test_folder_with_a_file_that_is_no_image(tmp_path):
    folder = write_folder(tmp_path / "folder", {"a.png": RGB[0]})
    (folder / "b.png").write_text("text")
    with pytest.raises(ValueError, match=r"b\.png: not an image"):
        load(folder)


def test_folder_without_the_split(tmp_path):
    message = "has no split 'test': known: train; the subfolder test of images would be one"
    with pytest.raises(ValueError, match=message):
        load(write_folder(tmp_path / "folder", {"a.png": RGB[0]}), split="test")


def test_to_float_by_hand():
    assert to_float(np.array([0, 51, 255], np.uint8)) == pytest.approx([-1, -0.6, 1])


def test_to_float_refuses_floats():
    with pytest.raises(TypeError, match="expected uint8 pixels, got float64"):
        to_float(np.zeros(3))


def test_resize_cuts_the_centre():
    pixels = np.zeros((4, 8, 1), np.uint8)
    pixels[:, 2:6] = 200
    assert (resize(pixels, 2) == 200).all()
