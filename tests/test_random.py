"""The random numbers: known answers of the generator, and the distributions made of it."""

import math

import keras
import numpy as np
import pytest

from kgen import backend, random


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def int32(*words):
    return [np.array(word, np.uint32).view(np.int32)[None] for word in words]


# The reference implementation's known answers (Random123, kat_vectors): counter, key, result.
KNOWN_ANSWERS = {
    "zeros": ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    "ones": ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    "pi": ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
}


@pytest.mark.parametrize("name", KNOWN_ANSWERS)
def test_threefry_known_answers(name):
    counter, key, expected = KNOWN_ANSWERS[name]
    tensors = [keras.ops.convert_to_tensor(word) for word in int32(*key, *counter)]
    got = np.concatenate([numbers(word) for word in backend.threefry(*tensors)])
    assert got.view(np.uint32).tolist() == list(expected)


def test_key_of_seed_splits_words():
    assert random.key(2**32 * 5 + 3).tolist() == [3, 5]


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_key_refuses_other_seeds(seed):
    with pytest.raises(ValueError, match="seed"):
        random.key(seed)


def test_fresh_keys_differ():
    assert random.key().tolist() != random.key().tolist()


def test_fresh_keys_follow_keras_seed():
    keras.utils.set_random_seed(3)
    first = random.key().tolist()
    keras.utils.set_random_seed(3)
    assert random.key().tolist() == first


def test_keys_do_not_depend_on_number():
    np.testing.assert_array_equal(random.keys(9, 100)[:5], random.keys(9, 5))


def test_keys_start_continues():
    np.testing.assert_array_equal(random.keys(9, 5, start=5), random.keys(9, 10)[5:])


DRAWS = {
    "uniform": lambda key, shape: random.uniform(key, shape),
    "normal": lambda key, shape: random.normal(key, shape),
    "bernoulli": lambda key, shape: random.bernoulli(key, 0.3, shape),
    "randint": lambda key, shape: random.randint(key, -3, 4, shape),
    "categorical": lambda key, shape: random.categorical(
        key, np.zeros((*key.shape[:-1], *shape, 3), "float32")
    ),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 5)], ids=str)
def test_shapes(name, shape):
    assert tuple(DRAWS[name](random.key(0), shape).shape) == shape
    assert tuple(DRAWS[name](random.keys(0, 4), shape).shape) == (4, *shape)


@pytest.mark.parametrize("name", DRAWS)
def test_row_depends_on_its_key_only(name):
    many = numbers(DRAWS[name](random.keys(1, 9), (6,)))
    few = numbers(DRAWS[name](random.keys(1, 3), (6,)))
    np.testing.assert_array_equal(many[:3], few)


@pytest.mark.parametrize("name", DRAWS)
def test_same_key_same_numbers(name):
    first, second = (numbers(DRAWS[name](random.key(5), (50,))) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", DRAWS)
def test_seeds_give_other_numbers(name):
    first, second = (numbers(DRAWS[name](random.key(seed), (50,))) for seed in (5, 6))
    assert np.mean(first == second) < 0.9


def test_numbers_are_those_of_every_backend():
    got = numbers(random.uniform(random.key(7), (4,)))
    np.testing.assert_array_equal(got, np.array(UNIFORM_OF_SEED_7, "float32"))


def threefry_in_numpy(key, counter):
    """Threefry-2x32-20 on Python's integers, written from the paper's equations."""
    mask = 2**32 - 1
    keys = (*key, key[0] ^ key[1] ^ 0x1BD11BDA)
    x, y = (counter[0] + keys[0]) & mask, (counter[1] + keys[1]) & mask
    for i in range(20):
        x = (x + y) & mask
        turn = (13, 15, 26, 6, 17, 29, 16, 24)[i % 8]
        y = ((y << turn | y >> (32 - turn)) & mask) ^ x
        if i % 4 == 3:
            step = i // 4 + 1
            x, y = (x + keys[step % 3]) & mask, (y + keys[(step + 1) % 3] + step) & mask
    return x, y


# Four uniform draws are two blocks: first the first words of both, then the second ones.
UNIFORM_OF_SEED_7 = [
    ((threefry_in_numpy((7, 0), (block, 0))[word] >> 9) + 0.5) / 2**23
    for word in (0, 1)
    for block in (0, 1)
]


def kolmogorov_smirnov(sample, cdf):
    """The largest distance of the empirical distribution from a continuous one."""
    values = cdf(np.sort(sample.astype("float64")))
    steps = np.arange(len(values) + 1) / len(values)
    return max(np.max(steps[1:] - values), np.max(values - steps[:-1]))


def normal_cdf(x):
    return 0.5 * (1.0 + np.vectorize(math.erf)(x / math.sqrt(2.0)))


N = 20_000
CRITICAL = 1.95 / math.sqrt(N)  # exceeded with probability 0.001


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("name", "cdf"), [("uniform", lambda x: x), ("normal", normal_cdf)])
def test_distribution_along_the_counter(name, cdf, seed):
    sample = numbers(DRAWS[name](random.key(seed), (N,)))
    assert kolmogorov_smirnov(sample, cdf) < CRITICAL


@pytest.mark.parametrize(("name", "cdf"), [("uniform", lambda x: x), ("normal", normal_cdf)])
def test_distribution_along_the_keys(name, cdf):
    sample = numbers(DRAWS[name](random.keys(0, N), ()))
    assert kolmogorov_smirnov(sample, cdf) < CRITICAL


@pytest.mark.parametrize(("moment", "expected"), [(1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)])
def test_moments_of_normal(moment, expected):
    sample = numbers(random.normal(random.key(2), (100_000,))).astype("float64")
    error = math.sqrt((1, 3, 15, 105)[moment - 1] / 100_000)  # E x**(2 k) bounds the variance
    assert abs(np.mean(sample**moment) - expected) < 4 * error


def test_normal_is_uncorrelated_between_keys():
    sample = numbers(random.normal(random.keys(0, 2), (N,)))
    assert abs(np.corrcoef(sample)[0, 1]) < 4 / math.sqrt(N)


def test_normal_is_uncorrelated_within_a_pair():
    first, second = np.split(numbers(random.normal(random.key(0), (N,))), 2)
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / math.sqrt(N / 2)


def test_uniform_is_open():
    sample = numbers(random.uniform(random.key(0), (100_000,)))
    assert sample.min() > 0.0 and sample.max() < 1.0


@pytest.mark.parametrize(("bits", "expected"), [(0, 2.0**-24), (-1, 1 - 2.0**-24)])
def test_uniform_at_its_ends(bits, expected):
    assert float(random._to_unit(keras.ops.convert_to_tensor(bits, "int32"))) == expected


def test_frequency_of_bernoulli():
    sample = numbers(random.bernoulli(random.key(1), 0.3, (N,)))
    assert set(np.unique(sample)) == {0.0, 1.0}
    assert abs(sample.mean() - 0.3) < 4 * math.sqrt(0.21 / N)


def test_frequencies_of_randint():
    sample = numbers(random.randint(random.key(1), -2, 3, (N,)))
    values, counts = np.unique(sample, return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2]
    assert np.abs(counts / N - 0.2).max() < 4 * math.sqrt(0.16 / N)


def test_frequencies_of_categorical():
    p = np.array([0.5, 0.3, 0.15, 0.05], "float32")
    logits = np.broadcast_to(np.log(p) + 7.0, (N, 4))
    sample = numbers(random.categorical(random.key(1), logits))
    counts = np.bincount(sample, minlength=4) / N
    assert np.abs(counts - p).max() < 4 * math.sqrt(0.25 / N)


def test_categorical_never_draws_the_impossible():
    logits = np.full((N, 2), [0.0, -np.inf], "float32")
    assert numbers(random.categorical(random.key(0), logits)).max() == 0


def test_fold_in_gives_other_keys():
    folded = numbers(random.fold_in(random.key(0), np.arange(1000)))
    assert len(np.unique(folded, axis=0)) == 1000


def test_fold_in_is_no_draw():
    folded = numbers(random.fold_in(random.key(0), 0))
    drawn = numbers(random._bits(random.key(0), 1))[:, 0]
    assert folded.tolist() != drawn.tolist()


def test_fold_in_of_many_keys_is_that_of_each():
    many = numbers(random.fold_in(random.keys(4, 3), 8))
    np.testing.assert_array_equal(many[1], numbers(random.fold_in(random.keys(4, 3)[1], 8)))


def test_per_example_of_one_key():
    rows = numbers(random.per_example(random.key(3), 6))
    np.testing.assert_array_equal(rows[2], numbers(random.fold_in(random.key(3), 2)))


def test_per_example_keeps_keys():
    keys = random.keys(3, 6)
    assert random.per_example(keys, 6) is keys
