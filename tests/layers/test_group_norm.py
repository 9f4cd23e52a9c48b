"""Group normalisation against Keras' own, and its derivatives."""

import keras
import numpy as np
import pytest
from keras import ops

from kgen import backend
from kgen.layers import GroupNormalization
from kgen.layers.group_norm import group_count

RNG = np.random.default_rng(0)


def numbers(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def pair(shape, groups=2, **options):
    """Keras' layer and ours with the same weights, and an input whose channels differ in scale."""
    x = (RNG.normal(size=shape) * np.arange(1, shape[-1] + 1) + 0.5).astype("float32")
    options = {"epsilon": 1e-4, **options}
    both = keras.layers.GroupNormalization(groups, **options), GroupNormalization(groups, **options)
    for layer in both:
        layer.build(x.shape)
    weights = [1.0 + RNG.random(shape[-1]) for _ in both[0].weights]
    for layer in both:
        layer.set_weights(weights)
    return *both, ops.convert_to_tensor(x)


@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False}], ids=str)
@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("shape", [(4, 6), (3, 5, 6), (3, 4, 5, 6), (2, 2, 3, 4, 6)], ids=str)
def test_output_equals_keras(shape, groups, options):
    reference, layer, x = pair(shape, groups, **options)
    np.testing.assert_allclose(numbers(layer(x)), numbers(reference(x)), atol=1e-5)


def test_half_precision_equals_keras():
    reference, layer, x = pair((3, 4, 5, 6), dtype="mixed_bfloat16")
    assert layer(x).dtype == reference(x).dtype
    np.testing.assert_allclose(numbers(layer(x)), numbers(reference(x)), rtol=0.01, atol=0.01)


def test_gradients_equal_keras():
    reference, layer, x = pair((3, 4, 5, 6))
    cotangent = ops.convert_to_tensor(RNG.normal(size=x.shape).astype("float32"))

    def gradients(layer):
        def loss(x):
            return ops.sum(layer(x) * cotangent)

        # of the input too: in a step it is fused, where `gradient` can be differentiated again
        variables = [*layer.trainable_variables, keras.Variable(x)]
        in_a_step = backend.value_and_grad(lambda: (loss(variables[-1].value), None), variables)[1]
        return [numbers(g) for g in (*in_a_step, backend.gradient(loss, x))]

    for a, b in zip(gradients(layer), gradients(reference), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4, rtol=1e-4)


def test_forward_derivative_equals_keras():
    reference, layer, x = pair((3, 4, 5, 6))
    tangent = ops.convert_to_tensor(RNG.normal(size=x.shape).astype("float32"))
    (_, got), (_, expected) = (backend.jvp(each, x, tangent) for each in (layer, reference))
    np.testing.assert_allclose(numbers(got), numbers(expected), atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_constant_inputs_give_the_offset(value):
    layer = GroupNormalization(2)
    np.testing.assert_allclose(numbers(layer(np.full((2, 3, 3, 4), value, "float32"))), 0.0, atol=1e-3)


@pytest.mark.parametrize(
    ("channels", "groups"), [(1, 1), (3, 1), (8, 2), (30, 6), (32, 8), (128, 32), (1024, 32)]
)
def test_group_count(channels, groups):
    assert group_count(channels) == groups


def test_channels_first_is_refused():
    with pytest.raises(ValueError, match="channels last"):
        GroupNormalization(2, axis=1)
