"""Distributions against closed forms, quadrature and sums, computed in NumPy's float64."""

import math

import keras
import numpy as np
import pytest

from kgen import backend, random
from kgen.distributions import (
    Bernoulli,
    Categorical,
    DiagonalNormal,
    DiscretizedLogistic,
    StandardNormal,
    kl_divergence,
)


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


def float32(*values):
    return np.array(values, "float32")


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


RNG = np.random.default_rng(0)
MEAN, SCALE = RNG.normal(size=(4, 3)), RNG.uniform(0.3, 2.0, (4, 3))
MEAN2, SCALE2 = RNG.normal(size=(4, 3)), RNG.uniform(0.3, 2.0, (4, 3))
LOGITS, LOGITS2 = RNG.normal(size=(4, 3)) * 2, RNG.normal(size=(4, 3)) * 2
CLASSES, CLASSES2 = RNG.normal(size=(4, 3, 5)), RNG.normal(size=(4, 3, 5))


def normal():
    return DiagonalNormal(MEAN.astype("float32"), SCALE.astype("float32"))


def normal2():
    return DiagonalNormal(MEAN2.astype("float32"), SCALE2.astype("float32"))


def bernoulli():
    return Bernoulli(LOGITS.astype("float32"))


def bernoulli2():
    return Bernoulli(LOGITS2.astype("float32"))


def categorical():
    return Categorical(CLASSES.astype("float32"))


def categorical2():
    return Categorical(CLASSES2.astype("float32"))


def logistic():
    return DiscretizedLogistic(MEAN.astype("float32"), np.log(SCALE).astype("float32"))


DISTRIBUTIONS = {f.__name__: f for f in (normal, bernoulli, categorical, logistic)}


# Samples


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("key", [random.key(0), random.keys(0, 4)], ids=["one key", "keys"])
def test_sample_and_log_prob_shapes(name, key):
    distribution = DISTRIBUTIONS[name]()
    x = distribution.sample(key)
    assert tuple(x.shape) == (4, 3)
    assert tuple(distribution.log_prob(x).shape) == (4,)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_rows_of_one_key_differ(name):
    rows = numbers(random.per_example(random.key(0), 4))
    assert len(np.unique(rows, axis=0)) == 4
    one, each = (numbers(DISTRIBUTIONS[name]().sample(key)) for key in (random.key(0), rows))
    np.testing.assert_array_equal(one, each)


N = 20_000


def repeated(row):
    return np.broadcast_to(row, (N, *row.shape)).astype("float32")


def test_moments_of_normal_samples():
    row = DiagonalNormal(repeated(MEAN[0]), repeated(SCALE[0]))
    x = numbers(row.sample(random.key(1)))
    assert np.abs(x.mean(0) - MEAN[0]).max() < 4 * SCALE[0].max() / math.sqrt(N)
    assert np.abs(x.std(0) / SCALE[0] - 1).max() < 4 / math.sqrt(2 * N)


def test_frequencies_of_bernoulli_samples():
    x = numbers(Bernoulli(repeated(LOGITS[0])).sample(random.key(1)))
    assert np.abs(x.mean(0) - sigmoid(LOGITS[0])).max() < 4 * 0.5 / math.sqrt(N)


def test_frequencies_of_categorical_samples():
    x = numbers(Categorical(repeated(CLASSES[0, 0])).sample(random.key(1)))
    p = np.exp(CLASSES[0, 0]) / np.exp(CLASSES[0, 0]).sum()
    assert np.abs(np.bincount(x, minlength=5) / N - p).max() < 4 * 0.5 / math.sqrt(N)


def test_frequencies_of_logistic_samples():
    levels = 5
    row = DiscretizedLogistic(repeated(float32(0.2)), repeated(float32(-1.0)), levels)
    x = numbers(row.sample(random.key(1)))[:, 0]
    counts = np.bincount(np.round((x + 1) * 2).astype(int), minlength=levels) / N
    edges = np.array([-np.inf, -0.75, -0.25, 0.25, 0.75, np.inf])
    p = np.diff(sigmoid((edges - 0.2) / math.exp(-1.0)))
    assert np.abs(counts - p).max() < 4 * 0.5 / math.sqrt(N)


def test_logistic_samples_lie_on_the_grid():
    row = DiscretizedLogistic(repeated(float32(0.2)), repeated(float32(1.0)))
    index = (numbers(row.sample(random.key(1))) + 1) * 127.5
    assert np.abs(index - np.round(index)).max() < 1e-4
    assert index.min() == 0 and np.round(index.max()) == 255


def test_normal_sample_is_differentiable():
    scale = keras.ops.convert_to_tensor(SCALE.astype("float32"))
    noise = numbers(DiagonalNormal(0 * scale, 0 * scale + 1).sample(random.key(3)))
    slope = backend.gradient(
        lambda s: keras.ops.sum(DiagonalNormal(0 * s, s).sample(random.key(3))), scale
    )
    np.testing.assert_allclose(numbers(slope), noise, atol=1e-6)


# Log-probabilities


def test_log_prob_of_normal():
    x = RNG.normal(size=(4, 3))
    density = np.exp(-0.5 * ((x - MEAN) / SCALE) ** 2) / (SCALE * math.sqrt(2 * math.pi))
    got = numbers(normal().log_prob(x.astype("float32")))
    np.testing.assert_allclose(got, np.log(density).sum(1), rtol=1e-5, atol=1e-5)


def test_normal_integrates_to_one():
    grid = np.linspace(-12, 12, 4001, dtype="float32")
    row = DiagonalNormal(np.full_like(grid, 0.7)[:, None], np.full_like(grid, 1.3)[:, None])
    density = np.exp(numbers(row.log_prob(grid[:, None])).astype("float64"))
    assert abs(density.sum() * 24 / 4000 - 1) < 1e-5


@pytest.mark.parametrize("x", [0.0, 0.25, 1.0])
def test_log_prob_of_bernoulli(x):
    p = sigmoid(LOGITS)
    expected = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(1)
    got = numbers(bernoulli().log_prob(np.full((4, 3), x)))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("logit", "x"), [(1000.0, 1.0), (-1000.0, 0.0)])
def test_bernoulli_is_sure_at_extremes(logit, x):
    assert numbers(Bernoulli(float32([logit])).log_prob(float32([x]))).tolist() == [0.0]


def test_log_prob_of_categorical():
    x = np.array([[0, 1, 2], [3, 4, 0], [1, 1, 1], [4, 3, 2]])
    p = np.exp(CLASSES) / np.exp(CLASSES).sum(-1, keepdims=True)
    expected = np.log(np.take_along_axis(p, x[..., None], -1)[..., 0]).sum(1)
    np.testing.assert_allclose(numbers(categorical().log_prob(x)), expected, rtol=1e-5)


def test_categorical_of_one_choice_an_example():
    row = Categorical(CLASSES[:, 0].astype("float32"))
    assert tuple(row.log_prob(np.zeros(4, "int32")).shape) == (4,)


def test_log_prob_of_logistic_is_equation_2():
    x = np.round(RNG.uniform(0, 255, (4, 3))) / 127.5 - 1
    x[0, 0], x[1, 1] = -1.0, 1.0
    upper = np.where(x > 0.999, np.inf, x + 1 / 255)
    lower = np.where(x < -0.999, -np.inf, x - 1 / 255)
    p = sigmoid((upper - MEAN) / SCALE) - sigmoid((lower - MEAN) / SCALE)
    got = numbers(logistic().log_prob(x.astype("float32")))
    np.testing.assert_allclose(got, np.log(p).sum(1), rtol=1e-5)


LOG_SCALES = [-40.0, -12.0, -7.0, -3.0, 0.0, 5.0, 20.0, 40.0]
MEANS = [-30.0, -1.0, 0.1, 1.0, 1e4]


def every_level(mean, log_scale, levels=256):
    column = np.full((levels, 1), 1.0, "float32")
    grid = np.linspace(-1, 1, levels, dtype="float32")[:, None]
    return DiscretizedLogistic(mean * column, log_scale * column, levels), grid


@pytest.mark.parametrize("levels", [2, 3, 32, 256])
@pytest.mark.parametrize("log_scale", LOG_SCALES)
@pytest.mark.parametrize("mean", MEANS)
def test_logistic_sums_to_one(mean, log_scale, levels):
    distribution, grid = every_level(mean, log_scale, levels)
    mass = np.exp(numbers(distribution.log_prob(grid)).astype("float64"))
    assert abs(mass.sum() - 1) < 1e-4


@pytest.mark.parametrize("parameter", ["mean", "log_scale"])
@pytest.mark.parametrize("log_scale", LOG_SCALES)
@pytest.mark.parametrize("mean", MEANS)
def test_logistic_and_its_gradient_are_finite(mean, log_scale, parameter):
    distribution, grid = every_level(mean, log_scale)
    fields = {"mean": distribution.mean, "log_scale": distribution.log_scale}

    def total(value):
        log_prob = DiscretizedLogistic(**{**fields, parameter: value}).log_prob(grid)
        return keras.ops.sum(log_prob)

    value = fields[parameter]
    assert np.isfinite(numbers(distribution.log_prob(grid))).all()
    assert np.isfinite(numbers(backend.gradient(total, value))).all()


def test_logistic_in_another_range():
    grid = np.arange(4, dtype="float32")[:, None]
    row = DiscretizedLogistic(0 * grid + 1.5, 0 * grid, levels=4, low=0.0, high=3.0)
    edges = np.array([-np.inf, 0.5, 1.5, 2.5, np.inf])
    expected = np.log(np.diff(sigmoid(edges - 1.5)))
    np.testing.assert_allclose(numbers(row.log_prob(grid)), expected, rtol=1e-5)


@pytest.mark.parametrize("wrong", [{"levels": 1}, {"low": 1.0}, {"high": -1.0}], ids=str)
def test_logistic_refuses_an_empty_grid(wrong):
    with pytest.raises(ValueError, match="levels"):
        DiscretizedLogistic(float32([0]), float32([0]), **wrong)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_summed_in_float32(dtype):
    ones = keras.ops.ones((1, 3000), dtype)
    log_prob = DiagonalNormal(0 * ones, ones).log_prob(ones)
    assert keras.backend.standardize_dtype(log_prob.dtype) == "float32"
    expected = -1500 * (1 + math.log(2 * math.pi))
    np.testing.assert_allclose(numbers(log_prob), [expected], rtol=1e-5)


# Means and modes


def test_mode_of_normal():
    np.testing.assert_array_equal(numbers(normal().mode), MEAN.astype("float32"))


def test_mean_of_bernoulli():
    np.testing.assert_allclose(numbers(bernoulli().mean), sigmoid(LOGITS), rtol=1e-5)


def test_rounded_mean_of_logistic():
    row = DiscretizedLogistic(float32([-7.0, 0.4, 0.6]), float32([0.0, 0.0, 0.0]), levels=3)
    assert numbers(row.rounded_mean).tolist() == [[-1.0, 0.0, 1.0]]


@pytest.mark.parametrize("name", ["normal", "bernoulli", "categorical"])
def test_mode_is_likelier_than_samples(name):
    distribution = DISTRIBUTIONS[name]()
    mode, other = distribution.mode, distribution.sample(random.key(8))
    gap = numbers(distribution.log_prob(mode)) - numbers(distribution.log_prob(other))
    assert (gap >= -1e-6).all()


# Divergences

PAIRS = {
    "normal": (normal, normal2),
    "standard": (normal, lambda: StandardNormal((3,))),
    "bernoulli": (bernoulli, bernoulli2),
    "categorical": (categorical, categorical2),
}


def kl_normal(mean, scale, mean2, scale2):
    """By quadrature of p log(p / q)."""
    x = np.linspace(-25, 25, 20001)[:, None, None]

    def log_density(x, m, s):
        return -0.5 * ((x - m) / s) ** 2 - np.log(s) - 0.5 * math.log(2 * math.pi)

    log_p, log_q = log_density(x, mean, scale), log_density(x, mean2, scale2)
    return (np.exp(log_p) * (log_p - log_q)).sum(0).sum(1) * 50 / 20000


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def kl_discrete(p, q):
    return (p * np.log(p / q)).sum(axis=tuple(range(1, p.ndim)))


def coins(logits):
    return np.stack([sigmoid(logits), sigmoid(-logits)], -1)


EXPECTED = {
    "normal": lambda: kl_normal(MEAN, SCALE, MEAN2, SCALE2),
    "standard": lambda: kl_normal(MEAN, SCALE, 0 * MEAN, 0 * SCALE + 1),
    "bernoulli": lambda: kl_discrete(coins(LOGITS), coins(LOGITS2)),
    "categorical": lambda: kl_discrete(softmax(CLASSES), softmax(CLASSES2)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_kl_divergence(name):
    p, q = (make() for make in PAIRS[name])
    np.testing.assert_allclose(numbers(kl_divergence(p, q)), EXPECTED[name](), rtol=2e-5)


@pytest.mark.parametrize("name", ["normal", "bernoulli", "categorical"])
def test_kl_divergence_of_equals_is_zero(name):
    p = PAIRS[name][0]()
    np.testing.assert_allclose(numbers(kl_divergence(p, p)), np.zeros(4), atol=1e-6)


def test_kl_divergence_is_the_mean_of_log_ratios():
    p = DiagonalNormal(repeated(MEAN[0]), repeated(SCALE[0]))
    q = DiagonalNormal(repeated(MEAN2[0]), repeated(SCALE2[0]))
    x = p.sample(random.key(5))
    ratios = numbers(p.log_prob(x)) - numbers(q.log_prob(x))
    expected = numbers(kl_divergence(p, q))[0]
    assert abs(ratios.mean() - expected) < 4 * ratios.std() / math.sqrt(N)


@pytest.mark.parametrize(
    "pair", [(normal, bernoulli), (logistic, logistic), (bernoulli, normal)], ids=str
)
def test_kl_divergence_says_what_it_lacks(pair):
    with pytest.raises(TypeError, match="no closed form"):
        kl_divergence(*(make() for make in pair))


# The prior


def test_prior_samples():
    prior = StandardNormal((2, 3))
    assert tuple(prior.sample(random.keys(0, 5)).shape) == (5, 2, 3)


def test_prior_log_prob_is_that_of_the_normal():
    z = RNG.normal(size=(4, 3)).astype("float32")
    expected = DiagonalNormal(0 * z, 0 * z + 1).log_prob(z)
    np.testing.assert_allclose(numbers(StandardNormal((3,)).log_prob(z)), numbers(expected), rtol=1e-6)


def test_prior_round_trip():
    prior = StandardNormal([2, 3])
    config = keras.saving.serialize_keras_object(prior)
    again = keras.saving.deserialize_keras_object(config)
    assert again == prior and again.shape == (2, 3)
