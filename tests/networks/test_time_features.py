"""Time features against their formulas, and in half precision."""

import keras
import numpy as np
import pytest
from diffusion_networks import numbers

from kgen.networks import FourierFeatures, SinusoidalFeatures

T = np.array([0.0, 0.25, 1.0], "float32")


def test_sinusoids_by_hand():
    # 1000 t at the frequencies 1 and 10000^(-1/2) = 0.01.
    expected = [[np.cos(1000 * t), np.cos(10 * t), np.sin(1000 * t), np.sin(10 * t)] for t in T]
    np.testing.assert_allclose(numbers(SinusoidalFeatures(4)(T)), expected, atol=1e-4)


def test_scale_of_sinusoids():
    features = numbers(SinusoidalFeatures(4, scale=1.0)(T))
    np.testing.assert_allclose(features[:, 2], np.sin(T), atol=1e-6)


def test_fourier_features_by_hand():
    layer = FourierFeatures(6, stddev=2.0, seed=3)
    angles = 2 * np.pi * T[:, None] * numbers(layer.frequencies)
    expected = np.concatenate([np.cos(angles), np.sin(angles)], axis=-1)
    np.testing.assert_allclose(numbers(layer(T)), expected, atol=1e-5)


def test_frequencies_are_normal_and_not_trained():
    layer = FourierFeatures(20000, stddev=16.0, seed=0)
    drawn = numbers(layer.frequencies)
    assert drawn.std() == pytest.approx(16.0, rel=0.03)
    assert abs(drawn.mean()) < 0.5
    assert layer.trainable_variables == []


def test_seed_decides_the_frequencies():
    first, same, other = (numbers(FourierFeatures(8, seed=s).frequencies) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).all()


def test_frequencies_are_saved(tmp_path):
    t = keras.Input(())
    model = keras.Model(t, FourierFeatures(8)(t))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numbers(again(T)), numbers(model(T)))


@pytest.mark.parametrize("layer", [SinusoidalFeatures, FourierFeatures])
def test_neighbours_differ_in_half_precision(layer):
    keras.config.set_dtype_policy("mixed_bfloat16")
    close = numbers(layer(8)(np.array([0.999, 1.0], "float32")))
    assert np.abs(close[0] - close[1]).max() > 1e-3


@pytest.mark.parametrize("width", [0, 3])
@pytest.mark.parametrize("layer", [SinusoidalFeatures, FourierFeatures])
def test_odd_widths_are_refused(layer, width):
    with pytest.raises(ValueError, match="expected an even width"):
        layer(width)
