"""What every diffusion network keeps: inputs, start at zero, precision, derivatives, saving."""

import keras
import numpy as np
import pytest
from diffusion_networks import BUILD, SHAPE, batch_for, numbers, outputs, perturbed, run
from keras import ops

from kgen import backend

EVERYTHING = {
    "unet": {"classes": 4, "context": (5, 3), "extra_channels": 1, "dropout": 0.5},
    "dit": {"classes": 4, "context": (5, 3), "extra_channels": 1, "dropout": 0.5},
    "residual_mlp": {"classes": 4, "extra_channels": 1, "dropout": 0.5},
}


@pytest.mark.parametrize("name", BUILD)
def test_inputs_by_name_and_order(name):
    network = BUILD[name](**EVERYTHING[name])
    names = ["x", "t", "labels", "context", "image"]
    without = ["context"] if name == "residual_mlp" else []
    assert [tensor.name for tensor in network.inputs] == [n for n in names if n not in without]


@pytest.mark.parametrize("name", BUILD)
def test_plain_inputs_and_output(name):
    network = BUILD[name]()
    assert network.input_shape == [(None, *SHAPE[name]), (None,)]
    assert network.output_shape == (None, *SHAPE[name])


@pytest.mark.parametrize("name", BUILD)
def test_channels_out(name):
    assert BUILD[name](channels_out=6).output_shape == (None, *SHAPE[name][:-1], 6)


@pytest.mark.parametrize("name", BUILD)
def test_starts_at_zero(name):
    network = BUILD[name](**EVERYTHING[name])
    assert not numbers(outputs(network, batch_for(network))).any()


@pytest.mark.parametrize("t", [0.0, 1.0, -20.0, 20.0])
@pytest.mark.parametrize("name", BUILD)
def test_finite_at_any_time(name, t):
    network = perturbed(BUILD[name](seed=0))
    x, _ = batch_for(network)
    y = numbers(network([x, ops.full((3,), t)]))
    assert np.isfinite(y).all() and y.std() > 0


@pytest.mark.parametrize("name", BUILD)
def test_gradient_reaches_every_weight(name):
    network = perturbed(BUILD[name](**EVERYTHING[name], seed=0))
    gradients = run(gradients_of(network), network, *batch_for(network, n=5))
    assert without_gradient(network, gradients) == []


@pytest.mark.parametrize("name", BUILD)
def test_training_moves_every_weight_from_where_it_starts(name):
    """What starts at zero holds the rest back, but not for ever."""
    network = BUILD[name](**EVERYTHING[name], seed=0)
    optimizer = keras.optimizers.SGD(1e-3)
    optimizer.build(network.trainable_variables)
    compiled = backend.compile_program(
        gradients_of(network), network.variables, jit=keras.backend.backend() == "jax"
    )
    for _ in range(4):
        gradients = compiled(*batch_for(network, n=5))
        backend.apply_gradients(optimizer, gradients, network.trainable_variables)
    assert without_gradient(network, gradients) == []


def gradients_of(network):
    def gradients(*batch):
        def loss():
            return ops.sum(ops.square(network(list(batch), training=True) - 1.0)), None

        return backend.value_and_grad(loss, network.trainable_variables)[1]

    return gradients


def without_gradient(network, gradients):
    pairs = zip(network.trainable_variables, gradients, strict=True)
    return [v.path for v, gradient in pairs if not np.abs(numbers(gradient)).max() > 0]


def changes(name, options, index):
    """How much each example's output changes when one input is that of its neighbour."""
    network = perturbed(BUILD[name](**options, seed=0))
    batch = batch_for(network)
    before = numbers(network(batch))
    batch[index] = ops.roll(batch[index], 1, axis=0)
    return np.abs(numbers(network(batch)) - before).reshape(3, -1).max(axis=1)


@pytest.mark.parametrize(
    ("options", "index"),
    [({}, 0), ({}, 1), ({"classes": 4}, 2), ({"extra_channels": 2}, 2)],
    ids=["x", "t", "labels", "image"],
)
@pytest.mark.parametrize("name", BUILD)
def test_each_input_changes_the_output(name, options, index):
    assert changes(name, options, index).min() > 1e-3


@pytest.mark.parametrize("name", ["unet", "dit"])
def test_context_changes_the_output(name):
    assert changes(name, {"context": (5, 3)}, 2).min() > 1e-3


@pytest.mark.parametrize("name", ["unet", "dit"])
def test_context_has_no_order(name):
    network = perturbed(BUILD[name](context=(5, 3), seed=0))
    x, t, context = batch_for(network)
    before, after = (numbers(network([x, t, c])) for c in (context, ops.flip(context, axis=1)))
    np.testing.assert_allclose(after, before, atol=1e-5)


@pytest.mark.parametrize("name", BUILD)
def test_examples_do_not_mix(name):
    network = perturbed(BUILD[name](seed=0))
    x, t = batch_for(network)
    np.testing.assert_allclose(
        numbers(network([x[1:2], t[1:2]])), numbers(network([x, t]))[1:2], atol=1e-5
    )


@pytest.mark.parametrize("name", BUILD)
def test_the_null_label_has_a_row_of_its_own(name):
    table = BUILD[name](classes=7).get_layer("label_embedding")
    assert table.embeddings.shape[0] == 8


# The sums of |output| of the perturbed networks, made on torch: the same seed gives the same
# network on every backend.
SUMS = {"unet": 153.4277, "dit": 75.7739, "residual_mlp": 1.04304}


@pytest.mark.parametrize("name", BUILD)
def test_same_numbers_on_every_backend(name):
    network = perturbed(BUILD[name](seed=5))
    assert np.abs(numbers(network(batch_for(network)))).sum() == pytest.approx(SUMS[name], rel=1e-4)


@pytest.mark.parametrize("name", BUILD)
def test_seed_decides_the_weights(name):
    first, same, other = (BUILD[name](seed=seed).get_weights() for seed in (3, 3, 4))
    np.testing.assert_equal(first, same)
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", BUILD)
def test_saves_and_loads(name, tmp_path):
    network = perturbed(BUILD[name](**EVERYTHING[name]))
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    batch = batch_for(network)
    np.testing.assert_array_equal(numbers(again(batch)), numbers(network(batch)))


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILD)
def test_compiled_equals_eager(name):
    network = perturbed(BUILD[name](seed=0))
    batch = batch_for(network)
    program = backend.compile_program(lambda x, t: network([x, t]), network.variables, jit=True)
    np.testing.assert_allclose(numbers(program(*batch)), numbers(network(batch)), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", BUILD)
def test_half_precision_is_near_and_gives_float32(name):
    network = perturbed(BUILD[name](seed=0))
    keras.config.set_dtype_policy("mixed_bfloat16")
    half = BUILD[name](seed=0)
    half.set_weights(network.get_weights())
    batch = batch_for(network)
    expected, got = (outputs(n, batch) for n in (network, half))
    assert keras.backend.standardize_dtype(got.dtype) == "float32"
    error = np.abs(numbers(got) - numbers(expected)).mean() / np.abs(numbers(expected)).mean()
    assert error < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILD)
def test_forward_derivative_in_a_compiled_program(name):
    """v . J v, the divergence of a likelihood, by the forward and by the backward derivative."""
    network = perturbed(BUILD[name](seed=0))
    x, t = batch_for(network)
    noise = ops.convert_to_tensor(np.random.default_rng(2).standard_normal(x.shape).astype("float32"))

    def both(x, t, noise):
        _, forward = backend.divergence(lambda x: network([x, t]), x, noise)
        _, product = backend.vjp(lambda x: network([x, t]), x, noise)
        return forward, ops.sum(ops.reshape(product * noise, (3, -1)), axis=-1)

    forward, backward = backend.compile_program(both, network.variables, jit=True)(x, t, noise)
    np.testing.assert_allclose(numbers(forward), numbers(backward), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", BUILD)
def test_second_derivative(name):
    """The gradient of |d sum(network) / dx|^2 along a direction, against a difference quotient."""
    network = perturbed(BUILD[name](seed=0))
    x, t = batch_for(network)
    direction = np.random.default_rng(2).standard_normal(x.shape).astype("float32")

    def slope(x):
        inner = backend.gradient(lambda y: ops.sum(network([y, t])), x)
        return ops.sum(ops.square(inner))

    def both(x):
        return slope(x), backend.gradient(slope, x)

    step = 1e-2
    (_, here), (ahead, _), (behind, _) = (
        run(both, network, x + step * sign * direction) for sign in (0, 1, -1)
    )
    along = (numbers(here) * direction).sum()
    ahead, behind = numbers(ahead), numbers(behind)
    assert along == pytest.approx((ahead - behind) / (2 * step), rel=0.02)


@pytest.mark.parametrize("name", BUILD)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "at least 1"),
        ({"classes": 0}, "classes of at least 1"),
        ({"extra_channels": -1}, "extra_channels >= 0"),
        ({"dropout": 1.0}, "rate in"),
    ],
)
def test_numbers_out_of_range_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        BUILD[name](**options)
