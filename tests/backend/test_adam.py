"""One optimizer step of the engine against Keras' own `apply`, which on torch is another program."""

import keras
import numpy as np
import pytest

from kgen import backend

SHAPES = [(3, 2), (2,), (2, 2, 1, 4)]


def variables():
    rng = np.random.default_rng(0)
    return [keras.Variable(rng.normal(size=shape).astype("float32")) for shape in SHAPES]


def gradients(step):
    rng = np.random.default_rng(step)
    # From 1 down to 1e-9: around epsilon it matters on which side of the root that is added.
    sizes = [10.0 ** -rng.integers(0, 10, size=shape) for shape in SHAPES]
    return [(size * rng.normal(size=size.shape)).astype("float32") for size in sizes]


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.Adam(0.01),
        lambda: keras.optimizers.Adam(0.01, clipnorm=0.1),
        lambda: keras.optimizers.Adam(0.01, amsgrad=True),
        lambda: keras.optimizers.Adam(0.01, gradient_accumulation_steps=2),
        lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 3)),
        lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
        lambda: keras.optimizers.SGD(0.01, momentum=0.9),
    ],
    ids=["adam", "clipnorm", "amsgrad", "accumulation", "schedule", "adamw", "sgd"],
)
def test_apply_gradients_is_keras_apply(make):
    ours, theirs = variables(), variables()
    optimizer, expected = make(), make()
    optimizer.build(ours)
    expected.build(theirs)
    for step in range(4):
        tensors = [keras.ops.convert_to_tensor(g) for g in gradients(step)]
        backend.apply_gradients(optimizer, tensors, ours)
        tensors = [keras.ops.convert_to_tensor(g) for g in gradients(step)]
        expected.apply(tensors, theirs)
    for a, b in zip([*ours, *optimizer.variables], [*theirs, *expected.variables], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-7)


def test_apply_gradients_takes_transposed_gradients():
    """As the gradients of convolutions are on torch: views of another order in memory."""
    values = np.arange(6, dtype="float32").reshape(2, 3) - 2.5
    view = keras.ops.transpose(keras.ops.convert_to_tensor(values))
    weights = [keras.Variable(np.zeros((3, 2), "float32"))]
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(weights)
    backend.apply_gradients(optimizer, [view], weights)
    # Adam's first step is the learning rate against the sign of the gradient
    np.testing.assert_allclose(weights[0].numpy(), -0.01 * np.sign(values.T), rtol=1e-4)
