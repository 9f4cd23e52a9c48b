"""The resize of feature networks, against what a filter of Keys (1981) must give in closed form."""

import numpy as np
import pytest

from kgen.metrics.features.resize import resize, to_channels

SIZES = [(32, 28), (28, 32), (28, 299), (64, 28), (256, 32)]


def images(values):
    """Gives a 2-D pattern as one grey image."""
    return np.asarray(values, np.float32)[None, ..., None]


@pytest.mark.parametrize(("size", "wanted"), SIZES)
def test_a_constant_stays(size, wanted):
    given = np.full((2, size, size, 3), 0.3, np.float32)
    resized = resize(given, wanted, wanted)
    assert resized.shape == (2, wanted, wanted, 3)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, 0.3, atol=1e-6)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_shrinking_keeps_the_mean(factor):
    """The weights of Keys' filter at any integer distance sum to one: away from the border, exactly."""
    given = np.zeros((16 * factor, 16 * factor))
    inside = slice(4 * factor, 12 * factor)
    given[inside, inside] = np.random.default_rng(0).uniform(-1, 1, (8 * factor, 8 * factor))
    resized = resize(images(given), 16, 16)
    assert resized.mean(dtype="float64") == pytest.approx(given.mean(), abs=1e-7)


@pytest.mark.parametrize("pattern", ["rows", "columns", "checks"])
def test_a_pattern_finer_than_the_pixels_becomes_its_mean(pattern):
    """Alternating -0.5 and 1: what skips pixels sees only one of them. Two pixels of border apart."""
    i, j = np.indices((112, 112))
    odd = {"rows": i, "columns": j, "checks": i + j}[pattern] % 2
    resized = resize(images(np.where(odd == 1, 1.0, -0.5)), 28, 28)
    np.testing.assert_allclose(resized[0, 2:-2, 2:-2], 0.25, atol=1e-6)


@pytest.mark.parametrize(("size", "wanted"), [(28, 32), (28, 299), (64, 32), (256, 32)])
def test_a_ramp_stays_a_ramp(size, wanted):
    """Pixel k of `wanted` covers [k, k + 1) / wanted of the width: the value at its middle."""
    middles = (np.arange(size) + 0.5) / size
    resized = resize(images(np.tile(middles, (size, 1))), wanted, wanted)
    border = -(-2 * max(wanted, size) // size)  # as far as the filter reaches
    expected = np.tile((np.arange(wanted) + 0.5) / wanted, (wanted, 1))
    inside = (slice(None), slice(border, -border))
    np.testing.assert_allclose(resized[0, ..., 0][inside], expected[inside], atol=1e-6)


def keys(x):
    """Keys' filter, a = -1/2, written from equation 15 of the paper."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def test_a_bright_pixel_spreads_as_the_filter():
    """From 24 to 8 pixels: each is the filter, three times as wide, at its distance, over its sum."""
    given = np.zeros((24, 24))
    given[13, 10] = 1.0
    weights = [[keys((3 * k + 1.5 - p - 0.5) / 3) for p in range(24)] for k in range(8)]
    matrix = np.array(weights) / np.sum(weights, axis=1, keepdims=True)
    np.testing.assert_allclose(
        resize(images(given), 8, 8)[0, ..., 0], np.outer(matrix[:, 13], matrix[:, 10]), atol=1e-6
    )


def test_height_and_width_are_not_swapped():
    assert resize(np.zeros((1, 10, 20, 1)), 5, 8).shape == (1, 5, 8, 1)


def test_an_image_of_the_right_size_is_left_alone():
    given = np.random.default_rng(0).uniform(-1, 1, (2, 28, 28, 1)).astype("float32")
    np.testing.assert_array_equal(resize(given, 28, 28), given)


def test_an_image_without_a_batch_is_an_error():
    with pytest.raises(ValueError, match=r"expected images of shape \(n, h, w, c\), got \(28, 28, 1\)"):
        resize(np.zeros((28, 28, 1)), 32, 32)


def test_grey_becomes_rgb_by_repetition():
    given = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4, 1))
    colour = to_channels(given, 3)
    assert colour.shape == (2, 3, 4, 3)
    assert (colour == given).all()


def test_colour_for_a_grey_network_is_an_error():
    with pytest.raises(ValueError, match=r"expected images with 1 channel\(s\) or 1, got 3"):
        to_channels(np.zeros((1, 4, 4, 3)), 1)
