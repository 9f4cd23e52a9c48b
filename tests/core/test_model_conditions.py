"""Conditions: read off networks, validated, repeated for samples, hidden for guidance."""

import keras
import numpy as np
import pytest
from families import named
from keras import ops

import kgen
from kgen.core import Conditions

N = 6
LABELS = np.arange(N, dtype="int32") % 3
CONTEXT = np.random.default_rng(0).normal(size=(N, 2, 5)).astype("float32")


def text_network():
    """Labels, a sequence with its padding mask, tokens and an image, beside x."""
    inputs = [
        keras.Input((4,), name="x"),
        keras.Input((), dtype="int32", name="labels"),
        keras.Input((2, 5), name="context"),
        keras.Input((2,), dtype="bool", name="context_mask"),
        keras.Input((3,), dtype="int64", name="tokens"),
        keras.Input((2, 2, 1), name="picture"),
    ]
    parts = [
        keras.layers.Flatten()(ops.cast(ops.reshape(t, (-1, n)), "float32"))
        for t, n in zip(inputs, (4, 1, 10, 2, 3, 4), strict=True)
    ]
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(parts)))


def given():
    return {
        "labels": LABELS,
        "context": CONTEXT,
        "context_mask": np.ones((N, 2), "bool"),
        "tokens": np.ones((N, 3), "int32"),
        "picture": np.zeros((N, 2, 2, 1), "float32"),
    }


CONDITIONS = Conditions.of(text_network(), classes=3)
GUIDED = Conditions.of(text_network(), classes=3, no_label=True)


def test_names_shapes_and_types_are_those_of_the_inputs():
    found = {name: (spec.shape, spec.dtype) for name, spec in CONDITIONS.specs().items()}
    assert found == {
        "labels": ((None,), "int32"),
        "context": ((None, 2, 5), "float32"),
        "context_mask": ((None, 2), "bool"),
        "tokens": ((None, 3), "int32"),
        "picture": ((None, 2, 2, 1), "float32"),
    }
    assert not Conditions()
    assert CONDITIONS.only(["labels", "tokens"]).names == ("labels", "tokens")


def test_an_integer_input_without_a_name_is_the_label():
    x, labels = keras.Input((2,)), keras.Input((), dtype="int32")
    network = keras.Model([x, labels], x)
    assert Conditions.of(network, classes=2).names == ("labels",)


def test_networks_share_the_conditions_of_one_name():
    x, width = keras.Input((2,)), [keras.Input((n,), name="context") for n in (3, 4)]
    networks = [keras.Model([x, context], x) for context in width]
    assert Conditions.of(networks[0], networks[0]).names == ("context",)
    with pytest.raises(ValueError, match="name them apart"):
        Conditions.of(*networks)


def test_one_for_all_and_one_each():
    one = {name: value[0] for name, value in given().items()}
    for array, (name, value) in zip(CONDITIONS.arrays(N, **one), given().items(), strict=True):
        np.testing.assert_array_equal(array, np.repeat(value[:1], N, axis=0), err_msg=name)
        assert array.dtype == CONDITIONS.specs()[name].dtype
    for array, value in zip(CONDITIONS.arrays(N, **given()), given().values(), strict=True):
        np.testing.assert_array_equal(array, value)
    without = {name: value for name, value in given().items() if name != "labels"}
    np.testing.assert_array_equal(CONDITIONS.arrays(N, **without)[0], LABELS)  # each class in turn


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lables": 1}, r"takes no lables: its conditions are \['labels', 'context'"),
        ({"context": None}, r"the model needs context \(batch, 2, 5\), one for each example"),
        ({"context": CONTEXT[:, :1]}, r"context of shape \(2, 5\) or \(6, 2, 5\), got \(6, 1, 5\)"),
        ({"context": CONTEXT * np.nan}, "expected finite context"),
        ({"tokens": np.ones((N, 3))}, "expected tokens of int32, got float64"),
        ({"labels": 3}, "labels 0 ... 2, got 3"),
    ],
)
def test_mistakes_in_what_samples_are_asked_for(change, message):
    with pytest.raises(ValueError, match=message):
        CONDITIONS.arrays(N, **given() | change)


def test_known_examples_need_their_labels():
    with pytest.raises(ValueError, match=r"needs labels \(batch,\).*: give labels 0 ... 2"):
        CONDITIONS.of_examples(N, **given() | {"labels": None})


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, r"conditional on \['labels', .*got \[\]: call fit\(x, y\)"),
        (LABELS, "give fit a dict of them as y"),
        (given() | {"noise": LABELS}, "got .*'noise'"),
        (given() | {"tokens": np.ones((N, 4), "int32")}, r"tokens of shape \(batch, 3\), got \(6, 4\)"),
        (given() | {"labels": LABELS[:, None]}, r"labels\[:, 0\]"),
    ],
)
def test_mistakes_in_the_y_of_fit(y, message):
    with pytest.raises(ValueError, match=message):
        CONDITIONS.check(y)


def test_of_a_batch_are_tensors_of_the_types_of_the_network():
    CONDITIONS.check(given())
    named = CONDITIONS.of_batch({name: ops.convert_to_tensor(v) for name, v in given().items()})
    assert [keras.backend.standardize_dtype(value.dtype) for value in named.values()] == [
        spec.dtype for spec in CONDITIONS.specs().values()
    ]
    with pytest.raises(ValueError, match=r"expected context of shape \(batch, 2, 5\), got \(6, 10\)"):
        CONDITIONS.of_batch(given() | {"context": np.ones((N, 10))})


def test_nothing_is_the_last_label_zeros_and_a_mask_without_padding():
    named = GUIDED.of_batch(given() | {"context_mask": np.zeros((N, 2), "bool")})
    null = {name: ops.convert_to_numpy(value) for name, value in GUIDED.null(named).items()}
    assert (null["labels"] == 3).all()
    assert not null["context"].any()
    assert not null["tokens"].any()
    assert null["context_mask"].all()
    np.testing.assert_array_equal(null["picture"], given()["picture"])


def test_a_share_of_the_examples_loses_all_its_conditions_but_images():
    n = 2000
    conditions = Conditions.of(
        kgen.networks.residual_mlp(2, 4, 1, classes=3), first=2, classes=3, no_label=True
    )
    named = {"labels": ops.zeros((n,), "int32")}
    keys = ops.convert_to_tensor(kgen.random.keys(0, n))
    hidden = ops.convert_to_numpy(conditions.dropped(named, 0.25, keys)["labels"]) == 3
    assert hidden.mean() == pytest.approx(0.25, abs=0.04)
    assert conditions.dropped(named, 0.0, keys) is named


def test_a_model_of_images_alone_has_nothing_to_hide():
    image = keras.InputSpec(dtype="float32", shape=(None, 4, 4, 1))
    assert not Conditions({"image": image}).can_drop
    assert CONDITIONS.can_drop


def contextual_gan():
    """Both networks take a vector, the generator labels too."""
    x, labels, context = (
        keras.Input((2,), name="z"),
        keras.Input((), dtype="int32", name="labels"),
        keras.Input((3,), name="context"),
    )
    told = keras.layers.Embedding(3, 2)(labels)
    both = keras.layers.Concatenate()([x, told, context])
    generator = keras.Model([x, labels, context], keras.layers.Dense(2)(both))
    seen = keras.Input((2,), name="x")
    both = keras.layers.Concatenate()([seen, context])
    return kgen.GAN(generator, keras.Model([seen, context], keras.layers.Dense(1)(both)), classes=3)


def test_a_gan_is_conditional_on_vectors_and_labels():
    model = contextual_gan()
    model.compile("adam")
    x, context = np.zeros((N, 2), "float32"), np.ones((N, 3), "float32")
    model.fit(x, {"labels": LABELS, "context": context}, batch_size=3, verbose=0)
    assert list(model.endpoints["generate"]) == ["seed", "labels", "context"]
    assert list(model.endpoints["discriminate"]) == ["x", "context"]
    assert model.discriminate(x, context).shape == (N, 1)
    first, second = (model.sample(4, context=np.full(3, c, "float32"), seed=0) for c in (0, 1))
    assert np.abs(first - second).max() > 1e-4
    with pytest.raises(ValueError, match="the model needs context"):
        model.sample(4)


@pytest.mark.parametrize("family", ["gan", "vae", "diffusion", "maf", "texts"])
def test_no_typo_in_what_samples_are_asked_for_is_swallowed(family):
    model = named(family).make()
    with pytest.raises(ValueError, match=r"takes no temprature: .*options of sample are \["):
        model.sample(2, temprature=0.5)
    with pytest.raises(TypeError, match="positional"):
        model.sample(2, 0)


def test_the_options_of_sample_are_those_of_the_family():
    options = {name: named(name).make().sample_options for name in ("vae", "maf", "texts", "cgan")}
    assert options == {
        "vae": (),
        "maf": ("temperature",),
        "texts": ("temperature", "top_k", "top_p"),
        "cgan": ("temperature",),
    }
    assert "guidance" in named("diffusion").make().sample_options
