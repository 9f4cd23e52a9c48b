"""The U-Net: one to three dimensions, attention where it is asked for, what it refuses."""

import keras
import numpy as np
import pytest
from diffusion_networks import batch_for, numbers, outputs, perturbed

from kgen.layers import Attention
from kgen.networks import FourierFeatures, unet

SMALL = {"width": 4, "multipliers": (1, 2), "blocks": 1}


def kinds(network):
    return [type(layer) for layer in network.layers]


@pytest.mark.parametrize("shape", [(8, 1), (4, 6, 2), (2, 4, 6, 1)], ids=["1d", "2d", "3d"])
def test_dimensions(shape):
    network = perturbed(unet(shape, **SMALL))
    y = numbers(outputs(network, batch_for(network)))
    assert y.shape == (3, *shape)
    assert np.isfinite(y).all() and y.std() > 0


@pytest.mark.parametrize(
    ("attention", "count"),
    # One block and one extra on the way up: two maps of each size, and the smallest has the middle.
    [(None, 4), ((), 0), ((2,), 4), ((4,), 3), ((8, 4), 6)],
)
def test_attention_is_where_it_is_asked_for(attention, count):
    network = unet((8, 4, 1), **{**SMALL, "multipliers": (1, 2, 2)}, attention=attention)
    assert kinds(network).count(Attention) == count


def test_context_doubles_the_attention():
    network = unet((8, 4, 1), **SMALL, context=(3, 2))
    assert kinds(network).count(Attention) == 2 * 4


@pytest.mark.parametrize(("head_width", "heads"), [(4, 2), (8, 1), (32, 1)])
def test_head_width(head_width, heads):
    network = unet((4, 4, 1), **SMALL, head_width=head_width)
    assert {layer.heads for layer in network.layers if isinstance(layer, Attention)} == {heads}


@pytest.mark.parametrize("scale_shift", [True, False])
def test_both_ways_to_condition(scale_shift):
    network = perturbed(unet((4, 4, 1), **SMALL, scale_shift=scale_shift, seed=0))
    x, t = batch_for(network)
    assert np.abs(numbers(network([x, t])) - numbers(network([x, 1.0 - t]))).max() > 1e-3


def test_time_features_are_an_object():
    network = unet((4, 4, 1), **SMALL, time=FourierFeatures(6, seed=0))
    assert FourierFeatures in kinds(network)


def test_convolutions_know_no_place():
    """Without attention, and far from the margin, a shifted signal gives a shifted output."""
    network = perturbed(unet((64, 1), width=4, multipliers=(1,), blocks=1, attention=(), seed=0))
    x = np.zeros((2, 64, 1), "float32")
    x[0, 30, 0] = x[1, 33, 0] = 1.0
    first, second = numbers(network([x, np.full(2, 0.5, "float32")]))
    np.testing.assert_allclose(second[23:43], first[20:40], atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((30, 28, 1), {}, r"multiples of 4. Pad the data to \(32, 28, 1\)"),
        ((7, 1), {"multipliers": (1, 2)}, r"multiples of 2. Pad the data to \(8, 1\)"),
        ((28,), {}, "1 to 3 spatial axes"),
        ((2, 2, 2, 2, 1), {}, "1 to 3 spatial axes"),
        ((28, 28, 1), {"attention": (16,)}, r"sizes \[28, 14, 7\], got \[16\]"),
        ((28, 28, 1), {"attention": (), "context": (3, 2)}, "a context needs attention"),
        ((28, 28, 1), {"blocks": 0}, "at least 1"),
        ((28, 28, 1), {"multipliers": (1, 0)}, "at least 1"),
        ((28, 28, 1), {"head_width": 6, "width": 4}, "head_width that divides the 8 channels, got 6"),
        ((28, 28, 1), {"context": (0, 2)}, "context of at least 1"),
    ],
)
def test_bad_arguments_are_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        unet(shape, **options)


def test_dropout_is_for_training():
    network = perturbed(unet((4, 4, 1), **SMALL, dropout=0.5, seed=0))
    batch = batch_for(network)
    still, again, thinned = (numbers(network(batch, training=flag)) for flag in (False, False, True))
    np.testing.assert_array_equal(still, again)
    assert np.abs(thinned - still).max() > 1e-3


def test_is_a_functional_model():
    network = unet((4, 4, 1), **SMALL)
    assert isinstance(network, keras.Model)
    assert network.name == "unet"
