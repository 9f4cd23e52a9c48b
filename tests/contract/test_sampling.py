"""Every family samples: shape, range, seeds, batches."""

import keras
import numpy as np
import pytest
from families import toy_data

import kgen

N = 16  # as many as examples in a batch of training: on JAX, eager operations are compiled by shape


@pytest.fixture
def model(compiled):
    return compiled.model


def test_shape_type_and_range(model, family):
    samples = model.sample(N, seed=0)
    assert samples.shape == (N, *family.data_shape)
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert len(family.data_shape) == 1 or np.abs(samples).max() <= 1.0


def test_the_same_seed_gives_the_same_samples_and_another_seed_others(model):
    first = model.sample(N, seed=3)
    np.testing.assert_array_equal(first, model.sample(N, seed=3))
    assert np.abs(first - model.sample(N, seed=4)).max() > 0


def test_without_a_seed_samples_are_fresh(model):
    assert np.abs(model.sample(N) - model.sample(N)).max() > 0


def test_a_sample_does_not_depend_on_how_many_or_in_which_batch(model):
    many = model.sample(N + 3, seed=1, batch_size=N)
    np.testing.assert_allclose(many[:5], model.sample(5, seed=1), atol=1e-6)


def test_compiled_and_eager_samples_agree(model, monkeypatch):
    expected = model.sample(N, seed=2)
    monkeypatch.setattr(model, "run_eagerly", True)
    np.testing.assert_allclose(model.sample(N, seed=2), expected, atol=1e-5)


def test_predict_gives_what_call_gives(family):
    model = family.make()  # not trained: its outputs are of the size of one
    inputs = toy_data(family, N)
    if isinstance(model, kgen.GAN):
        inputs = keras.ops.convert_to_numpy(model.prior.sample(kgen.random.keys(0, N)))
    if isinstance(model, kgen.Diffusion):
        told = [np.zeros((N, *t.shape[1:]), t.dtype) for t in model.network.inputs[2:]]
        inputs = [inputs, np.full(N, 0.5, "float32"), *told]
    tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, inputs)
    expected = keras.ops.convert_to_numpy(model(tensors))
    np.testing.assert_allclose(model.predict(inputs, verbose=0), expected, atol=1e-6)


def test_an_endpoint_takes_tensors_inside_a_graph_and_arrays_outside(model):
    _, *others = model.endpoints["generate"].values()  # labels, guidance
    arrays = [kgen.random.keys(0, N), *(np.zeros((N, *s.shape[1:]), s.dtype) for s in others)]
    tensors = map(keras.ops.convert_to_tensor, arrays)
    inside = keras.ops.convert_to_numpy(model.generate(*tensors))
    np.testing.assert_allclose(model.generate(*arrays), inside, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.sample(0), "n >= 1"),
        (lambda m: m.sample(3, seed=-1), "seed in"),
        (lambda m: m.generate(np.zeros((0, 2), "int32")), "at least one"),
        (lambda m: m.sample(3, batch_size=0), "batch_size"),
    ],
    ids=["n", "seed", "empty", "batch_size"],
)
def test_bad_arguments(model, call, message):
    with pytest.raises(ValueError, match=message):
        call(model)
