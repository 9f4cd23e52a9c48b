"""Bits per dimension against hand-computed numbers."""

import math

import numpy as np
import pytest

from kgen.metrics import bits_per_dim


def test_uniform_mass_over_256_values_is_8_bits():
    assert bits_per_dim(-12 * math.log(256), (2, 2, 3)) == pytest.approx(8.0)


@pytest.mark.parametrize("width", [1.0, 2.0, 255.0])
def test_uniform_density_costs_the_bits_of_255(width):
    log_prob = -6 * math.log(width)  # density 1 / width on each of six dimensions
    assert bits_per_dim(log_prob, (6,), range_width=width) == pytest.approx(math.log2(255))


def test_density_on_minus_one_to_one():
    assert bits_per_dim(0.0, (5,), range_width=2.0) == pytest.approx(math.log2(127.5))


def test_arrays_stay_arrays():
    got = bits_per_dim(np.array([0.0, -2 * math.log(2)]), (2,))
    np.testing.assert_allclose(got, [0.0, 1.0])


@pytest.mark.parametrize(("shape", "width"), [((), None), ((0, 3), None), ((3,), 0.0)])
def test_nonsense_is_refused(shape, width):
    with pytest.raises(ValueError, match="expected"):
        bits_per_dim(0.0, shape, range_width=width)
