"""Likelihoods of one position: numbers by hand, masses that sum to one, draws that follow them."""

import itertools
import math

import numpy as np
import pytest
from keras import ops

import kgen
from kgen.autoregressive import Bernoulli, Categorical, Choice, LogisticMixture, Tokens, quantize


def tensor(values, dtype="float32"):
    return ops.convert_to_tensor(np.array(values, dtype=dtype))


def numbers(x):
    return ops.convert_to_numpy(x)


def test_bernoulli_by_hand():
    """logit log 3: heads (1) has 3/4; two channels multiply."""
    outputs = tensor([[[math.log(3.0), math.log(3.0)]]])
    result = numbers(Bernoulli().log_prob(outputs, tensor([[[1.0, -1.0]]])))
    np.testing.assert_allclose(result, [[math.log(3 / 4) + math.log(1 / 4)]], rtol=1e-5)


@pytest.mark.parametrize(
    ("likelihood", "x"),
    [(Categorical(3), [[[0.0, 1.0]]]), (Tokens(3), [[[1, 2]]])],
    ids=["levels", "tokens"],
)
def test_categorical_by_hand(likelihood, x):
    """Two channels: the middle of three values has 1/2, the last 1/4."""
    outputs = tensor([[np.log([0.25, 0.5, 0.25, 0.5, 0.25, 0.25])]])
    result = numbers(
        likelihood.log_prob(outputs, tensor(x, "int32" if likelihood.integers else "float32"))
    )
    np.testing.assert_allclose(result, [[math.log(0.5) + math.log(0.25)]], rtol=1e-5)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def mixture_of_two(x):
    """Two channels of 5 levels, two components, in float64: equations 1 to 3 of the paper."""
    weights, means = sigmoid(np.array([0.4, -0.4])), np.array([[-0.5, 0.3], [0.2, 0.6]])
    scales, slope = np.exp([[-1.0, 0.0], [-0.5, -2.0]]), np.tanh([0.8, -0.3])
    total = 0.0
    for k in range(2):
        mu = means[:, k] + np.array([0.0, slope[k] * x[0]])
        low = np.where(np.array(x) < -0.99, -np.inf, (np.array(x) - 0.25 - mu) / scales[:, k])
        high = np.where(np.array(x) > 0.99, np.inf, (np.array(x) + 0.25 - mu) / scales[:, k])
        total += weights[k] * np.prod(sigmoid(high) - sigmoid(low))
    return total


# logits, means (2 channels), log-scales (2 channels), slopes: two components each. The weights are
# softmax(0.4, -0.4) = sigmoid(0.8), ... so logits of half that.
OUTPUTS = [*(0.2, -0.2), *(-0.5, 0.3), *(0.2, 0.6), *(-1.0, 0.0), *(-0.5, -2.0), *(0.8, -0.3)]
LIKELIHOOD = LogisticMixture(2, levels=5)
PIXELS = np.array(list(itertools.product(np.linspace(-1, 1, 5), repeat=2)))


N = 20000


def draws(choice):
    keys = tensor(kgen.random.keys(3, N), "int32")
    return numbers(LIKELIHOOD.sample(tensor(np.broadcast_to(OUTPUTS, (N, 12))), keys, choice))


@pytest.fixture(scope="module")
def masses():
    outputs = tensor(np.broadcast_to(OUTPUTS, (1, 25, 12)))
    return np.exp(numbers(LIKELIHOOD.log_prob(outputs, tensor(PIXELS[None]))))[0]


def test_logistic_mixture_against_float64(masses):
    np.testing.assert_allclose(masses, [mixture_of_two(x) for x in PIXELS], rtol=1e-4)


def test_masses_of_a_logistic_mixture_sum_to_one(masses):
    assert masses.sum() == pytest.approx(1.0, abs=1e-5)


def test_draws_from_a_logistic_mixture_are_as_frequent_as_probable(masses):
    drawn = draws(Choice())
    counts = np.bincount((np.rint((drawn + 1) * 2) @ [5, 1]).astype(int), minlength=25)
    assert (np.abs(counts - N * masses) < 5 * np.sqrt(N * masses) + 1).all()


def test_a_cold_logistic_mixture_draws_the_mean_of_the_likeliest_component():
    """The slope of component 0 moves channel 1 from 0.2 to 0.2 + tanh(0.8) * (-0.5) = -0.13."""
    drawn = draws(Choice(temperature=1e-3))
    np.testing.assert_allclose(drawn, np.broadcast_to([-0.5, 0.0], (N, 2)), atol=1e-6)


def test_each_colour_moves_the_means_of_the_later_ones():
    """Equation 3: m1, m2 + a x1, m3 + b x1 + c x2; a, b, c are the tanh of the slopes in this order."""
    means, slopes = np.array([0.5, -0.25, 0.125]), np.array([0.9, -0.6, 0.4])
    outputs = np.array([[0.0, *means, *(-3.0, -3.0, -3.0), *slopes]])
    a, b, c = np.tanh(slopes)
    x1 = np.rint(means[0] * 127.5 + 127.5) / 127.5 - 1
    x2 = np.rint((means[1] + a * x1) * 127.5 + 127.5) / 127.5 - 1
    expected = [means[0], means[1] + a * x1, means[2] + b * x1 + c * x2]
    cold = LogisticMixture(1).sample(
        tensor(outputs), tensor(kgen.random.keys(0, 1), "int32"), Choice(temperature=1e-4)
    )
    np.testing.assert_allclose(numbers(cold)[0], expected, atol=0.5 / 127.5 + 1e-5)
    # and the three likelihoods are those of logistics of these means
    x = np.array([x1, x2, -0.2])
    shift = np.array([means[0], means[1] + a * x1, means[2] + b * x1 + c * x2])
    edges = (x[:, None] + np.array([-1, 1]) / 255 - shift[:, None]) * np.exp(3.0)
    masses = np.diff(1 / (1 + np.exp(-edges)), axis=1)
    found = LogisticMixture(1).log_prob(tensor(outputs[None]), tensor(x[None, None]))
    assert float(found[0, 0]) == pytest.approx(np.log(masses).sum(), rel=1e-4)


def test_far_tails_of_a_logistic_mixture_are_finite():
    outputs = tensor(np.broadcast_to([0.0, 50.0, -99.0], (1, 2, 3)))
    result = numbers(LogisticMixture(1).log_prob(outputs, tensor([[[-1.0], [1.0]]])))
    assert np.isfinite(result).all()


@pytest.mark.parametrize(
    ("likelihood", "channels", "count"),
    [
        (Bernoulli(), 3, 3),
        (Categorical(4), 3, 12),
        (LogisticMixture(10), 3, 100),
        (LogisticMixture(5), 1, 15),
    ],
)
def test_how_many_outputs(likelihood, channels, count):
    assert likelihood.outputs(channels) == count


@pytest.mark.parametrize("likelihood", [Bernoulli(), Categorical(7), Tokens(7), LogisticMixture(3, 16)])
def test_config_round_trip(likelihood):
    again = type(likelihood).from_config(likelihood.get_config())
    assert (again, type(again)) == (likelihood, type(likelihood))


@pytest.mark.parametrize("levels", [2, 3, 256])
def test_quantized_images_pass_the_check_and_come_back_from_their_numbers(levels):
    x = quantize(np.random.default_rng(0).uniform(-1, 1, (3, 4, 4, 1)), levels)
    likelihood = Categorical(levels)
    likelihood.check(x)
    np.testing.assert_allclose(numbers(likelihood.value(likelihood.index(tensor(x)))), x, atol=1e-6)


@pytest.mark.parametrize(
    ("likelihood", "x", "message"),
    [
        (Categorical(4), [[0.0]], r"got 0 at \(0, 0\) .*quantize\(x, 4\)"),
        (Bernoulli(), [[1.0, 0.3]], r"got 0.3 at \(0, 1\) of the data: expected images of 2 levels"),
        (Bernoulli(), [[1.5, 1.0]], "got 1.5"),
        (Tokens(3), [[0, 3]], r"got 3 at \(0, 1\) of the data: expected integers 0 ... 2"),
        (Tokens(3), [[0, -1]], "got -1"),
        (Tokens(3), [[0.5, 1.0]], "got 0.5"),
    ],
)
def test_other_values_are_refused(likelihood, x, message):
    with pytest.raises(ValueError, match=message):
        likelihood.check(np.array(x))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Categorical(1), "at least 2 values"),
        (lambda: LogisticMixture(0), "components >= 1"),
        (lambda: quantize(np.zeros(2), 1), "at least 2 levels"),
    ],
)
def test_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_logistic_mixture_has_no_top_k():
    outputs, keys = tensor([OUTPUTS]), tensor(kgen.random.keys(0, 1), "int32")
    with pytest.raises(ValueError, match="no top_k and top_p"):
        LIKELIHOOD.sample(outputs, keys, Choice(top_k=2))
