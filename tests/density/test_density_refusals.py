"""Classical densities say what was wrong with their input, and the fix."""

import sys

import numpy as np
import pytest

from kgen.density import GaussianMixture, Histogram, KernelDensity, dequantise, load

POINTS = np.random.default_rng(0).normal(size=(30, 2)).astype("float32")
IMAGES = np.zeros((3, 4, 4, 1), "float32") + 1 / 255
EACH = pytest.mark.parametrize(
    "density", [Histogram(bins=3), GaussianMixture(components=2), KernelDensity(1.0)], ids=repr
)


def with_nan():
    x = POINTS.copy()
    x[4, 1] = np.nan
    return x


@EACH
@pytest.mark.parametrize(
    "call", [lambda d: d.log_prob(POINTS), lambda d: d.sample(3), lambda d: d.save("x.npz")]
)
def test_before_fit(density, call):
    fresh = type(density)()
    with pytest.raises(RuntimeError, match=f"{type(density).__name__} is not fitted: call fit"):
        call(fresh)


@EACH
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (with_nan(), r"fit: NaN or infinity at index \(4, 1\): remove such examples"),
        (POINTS * np.float64(1e300), r"fit: NaN or infinity"),
        (
            POINTS[:, 0],
            r"fit: expected examples \(n, ...\), n > 0, got \(30,\): numbers as x\[:, None\]",
        ),
        (POINTS[:0], r"n > 0, got \(0, 2\)"),
        (np.zeros((3, 4, 4, 1), "uint8"), r"got uint8: scale bytes as x / 127.5 - 1"),
        (np.full((3, 4, 4, 1), 255.0), r"expected images in \[-1, 1\], got values in \[255, 255\]"),
    ],
    ids=["NaN", "too large", "one axis", "empty", "bytes", "0..255"],
)
def test_bad_examples(density, x, message):
    with pytest.raises(ValueError, match=message):
        density.fit(x)


@EACH
def test_another_width_than_in_fit(density):
    density.fit(POINTS)
    with pytest.raises(ValueError, match=r"expected examples as in fit, \(n, 2\), got \(30, 1\)"):
        density.log_prob(POINTS[:, :1])


@EACH
def test_nan_in_log_prob(density):
    with pytest.raises(ValueError, match=r"log_prob: NaN or infinity at index \(4, 1\)"):
        density.fit(POINTS).log_prob(with_nan())


@EACH
def test_no_samples_asked(density):
    with pytest.raises(ValueError, match="n must be an integer of at least 1, got 0"):
        density.fit(POINTS).sample(0)


@pytest.mark.parametrize(
    ("density", "x", "message"),
    [
        (GaussianMixture(components=31), POINTS, "31 components need at least 31 examples, got 30: "),
        (GaussianMixture(components=1), POINTS[:1], "need at least 2 examples, got 1"),
        (KernelDensity(), POINTS[:9], "9 examples are too few to choose a bandwidth: give bandwidth="),
        (KernelDensity(), np.ones((30, 2)), "all 30 examples are identical: give bandwidth="),
        (Histogram(), np.ones((30, 2)), r"all examples are equal on axis 0: give range=\(low, high\)"),
        (Histogram(range=(0.0, 1.0)), POINTS, r"lie outside of the range \[0, 1\]: widen it"),
        (Histogram(bins=10), np.eye(16), r"10\^16 cells: fewer bins, or independent=True"),
        (
            GaussianMixture(components=1, regularisation=0.0),
            np.ones((30, 2)),
            "a component has a singular covariance: a larger regularisation",
        ),
    ],
)
def test_examples_that_do_not_suffice(density, x, message):
    with pytest.raises(ValueError, match=message):
        density.fit(x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Histogram(bins=0), "expected bins >= 1"),
        (lambda: Histogram(smoothing=-1.0), "smoothing >= 0"),
        (lambda: Histogram(range=(1.0, 1.0)), "expected range as"),
        (lambda: GaussianMixture(components=0), "expected components >= 1"),
        (lambda: GaussianMixture(iterations=0), "iterations >= 1"),
        (lambda: GaussianMixture(regularisation=-1.0), "regularisation >= 0"),
        (lambda: GaussianMixture(tolerance=0.0), "tolerance > 0"),
        (lambda: GaussianMixture(covariance="diagonal"), "'spherical', got 'diagonal'"),
        (lambda: KernelDensity(bandwidth=0.0), "expected bandwidth > 0, or None, got 0.0"),
    ],
)
def test_options_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("x", "levels", "message"),
    [
        (POINTS, 256, r"expected images \(n, h, w, c\) and levels >= 2, got \(30, 2\)"),
        (IMAGES, 1, "got .* and 1"),
        (IMAGES + 0.5 / 255, 256, "is the noise added twice, or were the images resized"),
        (np.full((3, 4, 4, 1), -1.5), 256, "away from any"),
        (np.zeros((3, 4, 4, 1), "uint8"), 256, "scale bytes as x / 127.5 - 1"),
    ],
)
def test_values_that_are_no_levels(x, levels, message):
    with pytest.raises(ValueError, match=message):
        dequantise(x, levels)


def damaged(content):
    def write(path):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.savez(path, **content)

    return write


@pytest.mark.parametrize(
    "write",
    [
        damaged(b"no zip"),
        damaged(b""),
        damaged({"images": np.zeros(3)}),
        damaged({"config": np.array('{"kind": "Spline", "options": {}, "data_shape": [2]}')}),
        damaged({"config": np.array(["pickled", None], dtype=object)}),
    ],
    ids=["text", "empty", "other arrays", "unknown kind", "pickle"],
)
def test_a_file_that_is_no_density(tmp_path, write):
    path = tmp_path / "density.npz"
    write(path)
    with pytest.raises(ValueError, match=r"is no density that kgen saved .*: fit and save it again"):
        load(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere.npz")


@pytest.mark.parametrize(
    ("density", "module"),
    [(GaussianMixture(2), "sklearn.mixture"), (KernelDensity(1.0), "sklearn.neighbors")],
)
def test_a_missing_scikit_learn_names_the_extra(monkeypatch, density, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r'pip install "kgen\[eval\]"'):
        density.fit(POINTS).log_prob(POINTS)
