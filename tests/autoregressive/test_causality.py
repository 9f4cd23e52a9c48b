"""Which positions an output depends on, found by changing one input after the other."""

import keras
import numpy as np
import pytest
from keras import ops
from small_models import with_weights

from kgen.networks import gated_pixelcnn, lstm, made, pixelcnn, transformer

SIDE = 5
NETWORKS = {
    "pixelcnn": lambda: pixelcnn((SIDE, SIDE, 1), 2, width=8, depth=3),
    "gated_pixelcnn": lambda: gated_pixelcnn((SIDE, SIDE, 1), 2, width=8, depth=4),
    "transformer": lambda: transformer((SIDE, SIDE), 2, width=16, depth=1, heads=2),
    "tokens": lambda: transformer((SIDE * SIDE,), 2, vocabulary=9, width=16, depth=1, heads=2),
    "lstm": lambda: lstm(SIDE * SIDE, 2, width=8, depth=2),
    "made": lambda: made(SIDE * SIDE, 2, hidden=(100,), activation=keras.activations.tanh),
}
ALL_BEFORE = np.tri(SIDE * SIDE, k=-1, dtype=bool)  # [output, input]


def dependence(network):
    """[i, j]: whether the output at position i changes with the input at position j."""
    n, shape = SIDE * SIDE, network.input_shape[1:]
    rng = np.random.default_rng(3)
    base, other = rng.uniform(-1, 1, (2, n)).astype("float32")
    if network.inputs[0].dtype == "int32":
        base = rng.integers(0, 9, n).astype("int32")
        other = (base + rng.integers(1, 9, n).astype("int32")) % 9
    x = np.concatenate([base[None], np.where(np.eye(n, dtype=bool), other, base)])
    y = ops.convert_to_numpy(network(x.reshape(-1, *shape))).reshape(n + 1, n, -1)
    return (np.abs(y[1:] - y[0]).max(axis=-1) > 0).T


@pytest.mark.parametrize("name", NETWORKS)
def test_no_output_depends_on_its_own_position_or_a_later_one(name):
    found = dependence(with_weights(NETWORKS[name]()))
    assert not (found & ~ALL_BEFORE).any()
    assert found.any()


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "pixelcnn"])
def test_every_output_depends_on_all_positions_before(name):
    found = dependence(with_weights(NETWORKS[name]()))
    assert (found == ALL_BEFORE).all()


def test_pixelcnn_has_the_blind_spot_that_gated_pixelcnn_has_not():
    """Enough layers to reach every pixel, and still those to the right above are out of sight."""
    found = dependence(with_weights(pixelcnn((SIDE, SIDE, 1), 2, width=8, depth=6, first_size=3)))
    blind = ALL_BEFORE & ~found
    rows, columns = np.divmod(np.arange(SIDE * SIDE), SIDE)
    up = rows[:, None] - rows[None]
    right = columns[None] - columns[:, None]
    assert (blind == (ALL_BEFORE & (right > up))).all()
    assert blind.any()
