"""Every family is saved whole and goes on: bit for bit on its backend, to 1e-5 on another."""

import numpy as np
import pytest
from record import MORE, STEPS
from test_training import kind
from workers import FOREIGN

SEED = "seed_generator_state"


def states(record, prefix):
    """Variables by their order: Keras numbers names by what the process made before."""
    arrays = {
        name.removeprefix(f"{prefix}/"): v for name, v in record.items() if name.startswith(prefix)
    }
    return {k: v for k, v in arrays.items() if k.startswith(("model/", "optimizer/"))}


@pytest.fixture
def foreign(results, family, on):
    """What this backend made of the file of another, and the record of that."""
    return results("go_on", on, family.name), results("record", FOREIGN[on], family.name)


def assert_bits(found, expected):
    assert list(found) == list(expected)
    assert [name for name in found if not np.array_equal(found[name], expected[name])] == []


def test_a_file_keeps_every_variable(record):
    assert record["loaded/compiled"]
    assert_bits(states(record, "loaded"), states(record, "saved"))


def test_a_loaded_model_samples_the_same(record):
    np.testing.assert_array_equal(record["loaded/samples"], record["answer/samples"])


def test_a_loaded_model_goes_on_bit_for_bit(record):
    assert_bits(states(record, "loaded/later"), states(record, "later"))
    iterations = [v for name, v in states(record, "later").items() if name.endswith(" iteration")]
    assert max(int(count) for count in iterations) >= STEPS + MORE


def test_a_file_of_another_backend_keeps_every_variable(foreign):
    found, saved = foreign
    found, saved = states(found, ""), states(saved, "saved")
    assert list(found) == list(saved)
    for name, value in saved.items():
        if SEED in name:  # two words of 32 bits, signed or not
            np.testing.assert_array_equal(found[name].astype("uint32"), value.astype("uint32"))
        else:
            np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_every_slot_of_the_optimizer_is_in_the_file(record):
    moments = [v for name, v in states(record, "saved").items() if "momentum" in name]
    assert moments
    # of biases that a loss of differences does not move, nothing
    assert all(np.abs(moment).max() > 0 for moment in moments if moment.ndim > 1)


def test_a_model_of_another_backend_samples_the_same(foreign):
    found, saved = foreign
    np.testing.assert_allclose(found["samples"], saved["answer/samples"], rtol=1e-5, atol=1e-5)


def test_a_model_of_another_backend_goes_on(foreign):
    found, there = foreign
    there = kind(there, "later")
    for name, value in there.items():
        if SEED not in name and "seed" not in name:
            np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
