"""The paths of layers: the same in every version and process, and found by patterns."""

import re

import keras
import numpy as np
import pytest

from kgen.flow import FFJORD, MAF, Glow, RealNVP
from kgen.layers import SpectralNormalization
from kgen.networks import (
    FourierFeatures,
    conditioner,
    conv_conditioner,
    conv_decoder,
    conv_encoder,
    dcgan_discriminator,
    dcgan_generator,
    dit,
    find,
    gated_pixelcnn,
    lstm,
    made,
    mlp,
    pacgan_discriminator,
    pacgan_generator,
    pixelcnn,
    residual_mlp,
    transformer,
    unet,
    with_auxiliary,
    with_labels,
    with_projection,
)

CONDITIONS = {"classes": 3, "extra_channels": 1, "dropout": 0.1}
SMALL_UNET = {"width": 4, "multipliers": (1, 2), "blocks": 1}
SMALL_DIT = {"patch": 2, "width": 8, "depth": 2, "heads": 2}

BUILD = {
    "unet": lambda: unet((4, 4, 1), **SMALL_UNET, context=(3, 2), **CONDITIONS),
    "unet, added": lambda: unet((4, 1), **SMALL_UNET, scale_shift=False, time=FourierFeatures(4)),
    "unet, volume": lambda: unet((4, 4, 4, 1), **SMALL_UNET),
    "dit": lambda: dit((4, 4, 1), **SMALL_DIT, context=(3, 2), **CONDITIONS),
    "residual_mlp": lambda: residual_mlp(2, width=8, depth=2, **CONDITIONS),
    "dcgan_generator": lambda: dcgan_generator(5, (8, 8, 1), width=4),
    "dcgan_discriminator": lambda: dcgan_discriminator((8, 8, 1), width=4, dropout=0.1),
    "conv_encoder": lambda: conv_encoder((8, 8, 1), width=4),
    "conv_decoder": lambda: conv_decoder(5, (8, 8, 1), width=4),
    "pixelcnn": lambda: pixelcnn((4, 4, 1), 6, width=8, depth=2, classes=3, dropout=0.1),
    "gated_pixelcnn": lambda: gated_pixelcnn((4, 4, 1), 6, width=8, depth=2, classes=3, dropout=0.1),
    "transformer": lambda: transformer((4,), 5, 5, width=8, depth=2, heads=2, classes=3, dropout=0.1),
    "transformer, values": lambda: transformer((2, 2), 5, width=8, depth=1, heads=2),
    "lstm": lambda: lstm(4, 5, vocabulary=5, width=8, depth=2, classes=3),
    "made": lambda: made(3, 2, hidden=(8, 8), context=2),
    "mlp": lambda: mlp(3, 1, hidden=(8, 8)),
    "conditioner": lambda: conditioner(3, 2, (8, 8), context=2),
    "conv_conditioner": lambda: conv_conditioner((4, 4, 1), 2, width=4, depth=2, context=2),
    "pacgan_generator": lambda: pacgan_generator(width=8),
    "pacgan_discriminator": lambda: pacgan_discriminator(width=8),
    "with_labels": lambda: with_labels(mlp(7, 2), classes=3, width=4),
    "with_labels, images": lambda: with_labels(dcgan_discriminator((8, 8, 2), width=4), classes=3),
    "with_projection": lambda: with_projection(mlp(2, 1), classes=3),
    "with_auxiliary": lambda: with_auxiliary(mlp(2, 1), outputs=3),
}

ATTENTION = "norm pixels qkv attention output map add"
RESIDUAL = "norm_0 activation_0 conv_0 embedding norm_1 activation_1 conv_1 add"
EMBEDDING = {
    "": "x t labels label_embedding",
    "time": "features dense_0 dense_1",
    "embedding": "add activation",
}

UNET = EMBEDDING | {
    "input": "conv",
    "down_0/block_0": RESIDUAL,
    "down_1": "downsample",
    "down_1/block_0": f"{RESIDUAL} shortcut",
    "down_1/block_0/self_attention": ATTENTION,
    "middle/block_0": RESIDUAL,
    "middle/block_0/self_attention": ATTENTION,
    "middle/block_1": RESIDUAL,
    "up_1": "upsample",
    "up_1/block_0": f"concatenate {RESIDUAL} shortcut",
    "up_1/block_0/self_attention": ATTENTION,
    "up_1/block_1": f"concatenate {RESIDUAL} shortcut",
    "up_1/block_1/self_attention": ATTENTION,
    "up_0/block_0": f"concatenate {RESIDUAL} shortcut",
    "up_0/block_1": f"concatenate {RESIDUAL} shortcut",
    "output": "norm activation conv",
}

DIT = EMBEDDING | {
    "": "x t labels label_embedding context",
    "input": "dense positions",
    "block_0": "modulation",
    "block_0/self_attention": "norm qkv attention output",
    "block_0/cross_attention": "norm query key_value attention output add",
    "block_0/mlp": "norm hidden activation output",
    "block_1": "modulation",
    "block_1/self_attention": "norm qkv attention output",
    "block_1/cross_attention": "norm query key_value attention output add",
    "block_1/mlp": "norm hidden activation output",
    "output": "modulation norm dense",
}


def paths(tree):
    return sorted(
        f"{part}/{name}".lstrip("/") for part, names in tree.items() for name in names.split()
    )


def operations(network):
    """All operations, those of nested networks behind them."""
    nested = [x for x in network.operations if isinstance(x, keras.Model)]
    return [*network.operations, *(inner for x in nested for inner in operations(x))]


def names(network):
    return [operation.name for operation in operations(network)]


def is_automatic(operation):
    """Whether Keras made the name, as `dense` or `dense_46`."""
    kind = type(operation).__name__.lower()
    return re.fullmatch(rf"{kind}\d*", operation.name.replace("_", "")) is not None


def outputs(network, x):
    return keras.ops.convert_to_numpy(network(x))


@pytest.mark.parametrize(
    ("network", "tree"),
    [
        (lambda: unet((4, 4, 1), **SMALL_UNET, classes=3), UNET),
        (lambda: dit((4, 4, 1), **SMALL_DIT, classes=3, context=(3, 2)), DIT),
    ],
    ids=["unet", "dit"],
)
def test_paths_are_those_of_every_version(network, tree):
    found = [layer.name.replace("-", "/") for layer in network().layers]
    assert sorted(found) == paths(tree)


@pytest.mark.parametrize("name", BUILD)
def test_no_name_is_made_by_keras(name):
    assert [x.name for x in operations(BUILD[name]()) if is_automatic(x)] == []


@pytest.mark.parametrize("name", BUILD)
def test_names_are_unique_and_the_same_again(name):
    network = BUILD[name]()
    assert len(set(names(network))) == len(names(network))
    assert names(BUILD[name]()) == names(network)


def test_an_automatic_name_is_recognised():
    x = keras.Input((4, 4, 1), name="x")
    network = keras.Model(x, keras.layers.Conv2D(1, 3)(keras.layers.ReLU()(x)) + 1.0)
    assert [is_automatic(operation) for operation in network.operations] == [False, True, True, True]


def test_a_path_with_stars_finds_layers_in_the_networks_order():
    network = unet((4, 4, 1), **SMALL_UNET)
    convolutions = find(network, "down_?/block_*/conv_*")
    assert [layer.name for layer in convolutions] == [
        f"down_{level}-block_0-conv_{index}" for level in (0, 1) for index in (0, 1)
    ]
    assert find(network, "output/conv") == [network.layers[-1]]
    assert find(network, "*") == network.layers


def test_nested_and_wrapped_layers_are_found():
    network = mlp(6, 2, hidden=(8,))
    told = with_labels(network, classes=3, width=4)
    assert find(told, "mlp/hidden_*") == find(network, "hidden_*")
    assert find(told, "*/output") == [network.layers[-1]]
    dense = keras.layers.Dense(1, name="dense")
    x = keras.Input((2,), name="x")
    normalised = keras.Model(x, SpectralNormalization(dense, name="output")(x))
    assert find(normalised, "output/dense") == [dense]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("dwon_0/*", "'unet' has no layer 'dwon_0/.': did you mean 'down_0/."),
        ("down_0/block_0/conv1", "did you mean 'down_0/block_0/conv_1'"),
        ("zzz", "it has t, time, x, input, "),
    ],
)
def test_a_pattern_that_fits_nothing_is_refused(pattern, message):
    with pytest.raises(ValueError, match=message):
        find(unet((4, 4, 1), **SMALL_UNET), pattern)


def test_found_layers_freeze():
    network = unet((4, 4, 1), **SMALL_UNET)
    before = len(network.trainable_variables)
    down = [x for x in network.trainable_variables if x.path.startswith("unet/down_")]
    for layer in find(network, "down_*"):
        layer.trainable = False
    assert len(network.trainable_variables) == before - len(down) < before
    assert not any(x.path.startswith("unet/down_") for x in network.trainable_variables)


def test_frozen_layers_stay_as_they_are_in_training():
    network = mlp(2, 1, hidden=(8, 8), seed=0)
    for layer in find(network, "hidden_0"):
        layer.trainable = False
    before = [layer.kernel.numpy() for layer in network.layers[1:]]
    network.compile("sgd", "mse", run_eagerly=True)
    network.fit(np.ones((4, 2), "float32"), np.ones((4, 1), "float32"), verbose=0)
    moved = [np.any(a != x.kernel.numpy()) for a, x in zip(before, network.layers[1:], strict=True)]
    assert moved == [False, True, True]


@pytest.mark.parametrize("name", ["unet", "dit", "gated_pixelcnn", "with_labels", "with_projection"])
def test_a_file_keeps_the_names(name, tmp_path):
    network = BUILD[name]()
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert names(loaded) == names(network)
    assert [x.name for x in find(loaded, "*")] == [x.name for x in find(network, "*")]


@pytest.mark.parametrize(
    ("wrapped", "pattern"),
    [
        (lambda network: with_labels(network, classes=3, width=1), "mlp/hidden_*"),
        (lambda network: with_projection(network, classes=3), "hidden_*"),
        (lambda network: with_auxiliary(network, outputs=2), "hidden_*"),
    ],
)
def test_a_wrapped_network_from_a_file_keeps_its_names(wrapped, pattern, tmp_path):
    mlp(2, 1, hidden=(8, 8)).save(tmp_path / "network.keras")
    network = wrapped(keras.saving.load_model(tmp_path / "network.keras"))
    assert [x.name for x in find(network, pattern)] == ["hidden_0", "hidden_1"]


def test_networks_of_one_kind_share_a_model_and_one_is_called_twice():
    first, second = mlp(2, 2, name="first", seed=0), mlp(2, 2, name="second", seed=1)
    x = keras.Input((2,), name="x")
    both = keras.Model(x, second(first(first(x))), name="both")
    assert [len(find(both, pattern)) for pattern in ("first/*", "second/output", "*")] == [4, 1, 11]
    assert len({variable.path for variable in both.variables}) == len(both.variables) == 12
    values = np.ones((3, 2), "float32")
    np.testing.assert_array_equal(outputs(both, values), outputs(second, first(first(values))))


@pytest.mark.parametrize("name", BUILD)
def test_paths_of_variables_begin_with_the_networks_name(name, tmp_path):
    network = BUILD[name]()
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    for variables in (network.trainable_variables, loaded.trainable_variables):
        found = [x.path for x in variables]
        assert all(path.startswith(f"{network.name}/") for path in found)
        assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "flow",
    [lambda: RealNVP((2,)), lambda: MAF((2,)), lambda: FFJORD((2,), layers=2), lambda: Glow((4, 4, 1))],
)
def test_a_flows_networks_have_names_of_their_own(flow):
    found = [variable.path for variable in flow().variables]
    assert len(set(found)) == len(found)


def test_variables_of_two_networks_in_one_model_have_paths_of_their_own():
    """Keras' step on torch resets the gradients of variables that it knows by their paths."""
    x = keras.Input((2,), name="x")
    model = keras.Model(x, mlp(2, 2, name="decoder")(mlp(2, 2, name="encoder")(x)))
    again = keras.Model.from_config(model.get_config())
    for network in (model, again):
        assert len({variable.path for variable in network.variables}) == len(network.variables)


@pytest.mark.parametrize("wrap", [with_labels, with_projection])
def test_variables_have_the_same_paths_when_loaded(wrap, tmp_path):
    network = wrap(mlp(20, 1, hidden=(8,)), classes=3)
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert [v.path for v in loaded.variables] == [v.path for v in network.variables]
