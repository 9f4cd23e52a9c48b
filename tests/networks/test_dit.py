"""The diffusion transformer: patches, positions, and what it refuses."""

import numpy as np
import pytest
from diffusion_networks import batch_for, numbers, perturbed
from keras import ops

from kgen.layers import GridPositions
from kgen.layers.positions import grid_positions
from kgen.networks import dit
from kgen.networks.dit import _from_patches, _to_patches

SMALL = {"patch": 2, "width": 12, "depth": 1, "heads": 2}


@pytest.mark.parametrize("shape", [(8, 1), (4, 6, 2), (2, 4, 6, 1)], ids=["1d", "2d", "3d"])
def test_dimensions(shape):
    network = perturbed(dit(shape, **SMALL))
    y = numbers(network(batch_for(network)))
    assert y.shape == (3, *shape)
    assert np.isfinite(y).all() and y.std() > 0


def test_patches_are_rectangles_in_row_major_order():
    x = np.arange(2 * 4 * 6 * 3, dtype="float32").reshape(2, 4, 6, 3)
    patches = numbers(_to_patches(ops.convert_to_tensor(x), (2, 3), 2))
    assert patches.shape == (2, 6, 12)
    np.testing.assert_array_equal(patches[1, 4], x[1, 2:4, 2:4].ravel())


@pytest.mark.parametrize("grid", [(3,), (2, 3), (2, 1, 3)])
def test_patches_come_back(grid):
    shape = (2, *(2 * size for size in grid), 3)
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    patches = _to_patches(ops.convert_to_tensor(x), grid, 2)
    np.testing.assert_array_equal(numbers(_from_patches(patches, grid, 2, 3)), x)


def test_positions_by_hand():
    table = grid_positions((2, 3), 8)
    # Token 5 lies in row 1, column 2; the frequencies are 1 and 10000^(-1/2) = 0.01.
    row = [np.sin(1), np.sin(0.01), np.cos(1), np.cos(0.01)]
    column = [np.sin(2), np.sin(0.02), np.cos(2), np.cos(0.02)]
    np.testing.assert_allclose(table[5], [*row, *column], rtol=1e-6)


def test_positions_are_all_different():
    table = grid_positions((8, 8), 32)
    distances = np.linalg.norm(table[:, None] - table[None], axis=-1) + 10 * np.eye(64)
    assert distances.min() > 0.1


def test_positions_are_not_trained():
    network = dit((4, 4, 1), **SMALL)
    (layer,) = [layer for layer in network.layers if isinstance(layer, GridPositions)]
    assert not layer.trainable_variables
    assert layer.table.shape == (4, 12)


def test_positions_tell_tokens_apart():
    """Equal patches give different outputs: without positions a transformer could not."""
    network = perturbed(dit((4, 4, 1), **SMALL, seed=0))
    y = numbers(network([np.ones((1, 4, 4, 1), "float32"), np.ones(1, "float32")]))
    assert np.abs(y[0, :2, :2] - y[0, 2:, 2:]).max() > 1e-3


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((30, 28, 1), {"patch": 4}, r"pad the data to \(32, 28, 1\)"),
        ((28,), {}, "1 to 3 spatial axes"),
        ((28, 28, 1), {"patch": 0}, "patch of at least 1"),
        ((28, 28, 1), {"heads": 3}, "divide the width, got width=128, depth=4, heads=3"),
        ((28, 28, 1), {"width": 6, "heads": 1}, "multiple of 4"),
        ((28, 28, 1), {"depth": 0}, "at least 1"),
    ],
)
def test_bad_arguments_are_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        dit(shape, **options)
