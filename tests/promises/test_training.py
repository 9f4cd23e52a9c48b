"""Every family trains alike on the three backends: the record of each against torch's eager one."""

import numpy as np
from record import BATCH, STEPS

TOLERANCE = 1e-4  # of eight steps; float32


def kind(record, prefix):
    return {name: value for name, value in record.items() if name.startswith(f"{prefix}/")}


def assert_same(record, reference, prefix, tolerance=TOLERANCE):
    found, expected = kind(record, prefix), kind(reference, prefix)
    assert list(found) == list(expected)
    assert expected
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, tolerance, tolerance, err_msg=name)


def test_the_first_gradients_are_those_of_torch(record, reference):
    """Adam's moments after one step: a tenth of the gradient, a thousandth of its square."""
    assert_same(record, reference, "gradient")


def test_losses_are_those_of_torch(record, reference):
    assert_same(record, reference, "loss")
    assert all(len(losses) == STEPS for losses in kind(record, "loss").values())


def test_weights_after_training_are_those_of_torch(record, reference):
    assert_same(without_names(record), without_names(reference), "weight")


def test_evaluate_gives_the_numbers_of_torch(record, reference):
    assert_same(record, reference, "evaluate")


def without_names(record):
    """Weights by part and order: Keras numbers names by what the process made before."""
    return {name.split(" ")[0]: value for name, value in kind(record, "weight").items()}


def test_logs_are_finite_and_each_comes_once(record):
    names = sorted(name.removeprefix("loss/") for name in kind(record, "loss"))
    assert record["names"].tolist() == sorted([*names, *(f"val_{name}" for name in names)])
    assert sorted(name.removeprefix("evaluate/") for name in kind(record, "evaluate")) == names
    for prefix in ("loss", "evaluate", "fallen"):
        assert all(np.isfinite(values).all() for values in kind(record, prefix).values())


def test_a_step_is_not_traced_again_in_the_second_fit(record):
    first, last, *_ = record["traces"][:, 0]
    assert 0 < first <= 4  # a train and a test step; TensorFlow may trace each twice
    assert last == first


def test_a_step_changes_every_trainable_weight(record):
    before, after = kind(record, "before"), kind(record, "weight")
    pairs = zip(before.items(), after.values(), strict=True)
    assert [name for (name, old), new in pairs if np.array_equal(old, new)] == []


def test_the_loss_falls_or_stays_finite(record, family):
    """Adversarial losses need not fall."""
    assert family.loss is None or fell(record[f"fallen/{family.loss}"])


def fell(losses):
    return np.mean(losses[-3:]) < np.mean(losses[:3]) - 0.1


def test_compiled_samples_are_those_of_torch_without_compilation(record, reference):
    np.testing.assert_allclose(
        record["answer/samples"], reference["answer/samples"], rtol=TOLERANCE, atol=TOLERANCE
    )


def test_every_endpoint_gives_what_it_gives_on_torch(record, reference):
    assert_same(record, reference, "answer")


def test_samples_have_a_shape_a_type_and_a_range(record, family):
    samples = record["answer/samples"]
    assert samples.shape == (BATCH, *family.data_shape)
    assert samples.dtype == family.batch(1)[0].dtype
    assert np.isfinite(samples).all()
    assert len(family.data_shape) == 1 or np.abs(samples).max() <= 1.0


def test_a_seed_decides_the_samples(record):
    np.testing.assert_array_equal(record["answer/again"], record["answer/samples"])
    assert np.abs(record["answer/samples"] - record["answer/other seed"]).max() > 0


def test_without_a_seed_samples_are_fresh(record):
    first, second = record["answer/fresh"]
    assert np.abs(first - second).max() > 0


def test_a_sample_does_not_depend_on_the_others_of_its_batch(record):
    np.testing.assert_allclose(record["answer/of many"], record["answer/samples"], atol=1e-6)
    np.testing.assert_allclose(record["answer/upside down"], record["answer/generate/0"], atol=1e-6)


def test_samples_depend_on_what_a_model_is_conditional_on(record, family):
    if family.condition is not None:
        assert np.abs(record["answer/of others"] - record["answer/samples"]).max() > 0


def test_samples_of_one_batch_differ(record):
    samples = record["answer/samples"].reshape(BATCH, -1)
    assert len(np.unique(samples, axis=0)) > 1


def test_a_sampler_is_not_traced_again_for_a_new_seed(record, on):
    layers = record["traces"][:, 1]
    once, twice_more = layers[2] - layers[1], layers[3] - layers[2]
    assert once > 0
    # torch runs what is outside of a loop again
    assert twice_more == 0 or (on == "torch" and twice_more < once)


def test_predict_gives_what_call_gives(record, reference):
    predicted, called = kind(record, "predict"), kind(reference, "call")
    assert [name[len("predict") :] for name in predicted] == [name[len("call") :] for name in called]
    for found, expected in zip(predicted.values(), called.values(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
