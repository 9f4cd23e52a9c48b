"""A learned variance against NumPy in float64, and against Gaussian data, whose best one is known."""

import keras
import numpy as np
import pytest
from diffusion_oracles import array, tensor
from keras import ops
from scipy import stats

import kgen
from kgen import backend, diffusion
from kgen.diffusion import DDPM, Ancestral, FlowMatching, LearnedVariance, Noise

STEPS, MEAN, STD = 10, 0.4, 0.7
BETAS = np.geomspace(2e-3, 0.95, STEPS)
SCHEDULE = DDPM(tuple(BETAS.tolist()))
BAR = np.concatenate([[1.0], np.cumprod(1.0 - BETAS)])  # alpha bar of the steps 0 ... T
TILDE = (1.0 - BAR[:-1]) / (1.0 - BAR[1:]) * BETAS  # beta tilde of the steps 1 ... T
K = np.array([2, 5, 10])


def step_times():
    return tensor(K / STEPS), tensor((K - 1) / STEPS)


def hybrid(variance=None, **options):
    network = kgen.networks.residual_mlp(2, width=8, depth=1, channels_out=4, seed=3)
    model = kgen.Diffusion(
        network, SCHEDULE, Noise(), variance=variance or LearnedVariance(), **options
    )
    rng = np.random.default_rng(0)  # the last layer starts at zero
    for weight in network.layers[-1].weights:
        weight.assign(rng.normal(0.0, 0.3, weight.shape))
    return model


@keras.saving.register_keras_serializable("tests")
class BestVariance(keras.layers.Layer):
    """The best noise and v for data N(MEAN, STD^2): q(x_s | x_t) is Gaussian, so it is exact."""

    def call(self, x, t):
        a, b = SCHEDULE.a(t), SCHEDULE.b(t)
        s = t - 1.0 / STEPS
        a_s, b_s = SCHEDULE.a(s), SCHEDULE.b(s)
        noise = b[:, None] * (x - a[:, None] * MEAN) / (a**2 * STD**2 + b**2)[:, None]
        # the variance of x_s given x_t, of a joint normal distribution
        total_s, covariance = (a_s * STD) ** 2 + b_s**2, a / a_s * ((a_s * STD) ** 2 + b_s**2)
        best = total_s - covariance**2 / ((a * STD) ** 2 + b**2)
        small = b_s**2 * (1.0 - (a / a_s * b_s / b) ** 2)
        v = ops.log(best / small) / ops.log(b**2 / b_s**2)
        return ops.concatenate([noise, ops.zeros_like(x) + v[:, None]], axis=-1)


@pytest.fixture(scope="module")
def best():
    inputs = [keras.Input((2,), name="x"), keras.Input((), name="t")]
    network = keras.Model(inputs, BestVariance()(*inputs))
    return kgen.Diffusion(network, SCHEDULE, Noise(), variance=LearnedVariance())


@pytest.mark.parametrize(("v", "expected"), [(0.0, TILDE), (1.0, BETAS)], ids=["tilde", "beta"])
def test_the_ends_are_beta_tilde_and_beta(v, expected):
    got = LearnedVariance().of_step(SCHEDULE, tensor(np.full((3, 2), v)), *step_times())
    np.testing.assert_allclose(array(got), np.repeat(expected[K - 1][:, None], 2, 1), rtol=1e-4)


def test_between_the_ends_the_logarithm_is_linear():
    got = LearnedVariance().of_step(SCHEDULE, tensor(np.full((3, 1), 0.3)), *step_times())
    expected = BETAS[K - 1] ** 0.3 * TILDE[K - 1] ** 0.7
    np.testing.assert_allclose(array(got)[:, 0], expected, rtol=1e-4)


def posterior_divergence(x, noise, predicted, v, k):
    """KL of two normal distributions with the means and variances of Ho et al., equation 7."""
    bar, before, beta, tilde = BAR[k], BAR[k - 1], BETAS[k - 1], TILDE[k - 1]
    bar, before, beta, tilde = (value[:, None] for value in (bar, before, beta, tilde))
    x_t = np.sqrt(bar) * x + np.sqrt(1 - bar) * noise
    guess = (x_t - np.sqrt(1 - bar) * predicted) / np.sqrt(bar)
    to_data, to_x = np.sqrt(before) * beta / (1 - bar), np.sqrt(1 - beta) * (1 - before) / (1 - bar)
    means = [to_data * data + to_x * x_t for data in (x, guess)]
    variance = beta**v * tilde ** (1 - v)
    return 0.5 * (
        tilde / variance - 1 + np.log(variance / tilde) + (means[0] - means[1]) ** 2 / variance
    )


def test_the_divergence_is_that_of_two_normal_distributions():
    rng = np.random.default_rng(0)
    x, noise, predicted, v = rng.normal(size=(4, 3, 2))
    expected = posterior_divergence(x, noise, predicted, v, K)
    error = ((1 - BAR[K]) / BAR[K])[:, None] * (predicted - noise) ** 2
    got = LearnedVariance().divergence(SCHEDULE, tensor(error), tensor(v), *step_times())
    np.testing.assert_allclose(array(got), expected, rtol=1e-3)


def test_the_loss_is_the_hybrid_one():
    """|z_hat - z|^2 + weight T KL of each example, means over dimensions; no KL for step 1."""
    n = 40
    model = hybrid(LearnedVariance(weight=0.5))
    keys = kgen.random.keys(1, n)
    x = np.random.default_rng(2).normal(size=(n, 2)).astype("float32")
    t = model.times.sample(SCHEDULE, kgen.random.fold_in(keys, 0))
    k = np.rint(array(t) * STEPS).astype(int)
    noise = array(kgen.random.normal(kgen.random.fold_in(keys, 1), (2,)))
    x_t = np.sqrt(BAR[k])[:, None] * x + np.sqrt(1 - BAR[k])[:, None] * noise
    predicted, v = np.split(array(model.network([tensor(x_t), t])), 2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # beta tilde of step 1 is 0
        bound = posterior_divergence(x, noise, predicted, v, k).mean(axis=1)
    expected = ((predicted - noise) ** 2).mean(axis=1) + 0.5 * STEPS * np.where(k > 1, bound, 0.0)
    assert 1 in k
    np.testing.assert_allclose(array(model.losses_of(x, None, keys)), expected, rtol=2e-3)


def test_the_bound_teaches_the_variance_only():
    """The gradient of the last layer with and without the bound: the target's columns are equal."""
    keys, x = kgen.random.keys(1, 16), tensor(np.random.default_rng(2).normal(size=(16, 2)))

    def gradient(weight):
        model = hybrid(LearnedVariance(weight))
        bias = model.network.layers[-1].bias
        _, (result,) = backend.value_and_grad(
            lambda: (ops.mean(model.losses_of(x, None, keys)), None), [bias]
        )
        return array(result)

    without, within = gradient(0.0), gradient(1.0)
    np.testing.assert_allclose(within[:2], without[:2], rtol=1e-5)
    assert np.all(without[2:] == 0.0)
    assert np.all(np.abs(within[2:]) > 1e-4)


def test_a_chain_of_ten_steps_with_the_best_variance_has_a_tight_bound(best):
    """For Gaussian data such a chain is exact, but for what is left of the data at its start."""
    x = np.random.default_rng(0).normal(MEAN, STD, (4000, 2)).astype("float32")
    gap = best.bound(x, samples=STEPS - 1).total + stats.norm(MEAN, STD).logpdf(x).sum(axis=1)
    assert abs(gap.mean() - 0.0066) < 4 * gap.std() / np.sqrt(len(x))  # the closed form of the two ends
    assert gap.std() / np.sqrt(len(x)) < 0.03


def test_ten_steps_with_the_best_variance_have_the_distribution_of_the_data(best):
    """Up to the last step, which adds no noise: the data that it expects have their own variance."""
    samples = best.sample(2000, solver=Ancestral("learned"), steps=STEPS, seed=0)
    a, b = np.sqrt(BAR[1]), np.sqrt(1.0 - BAR[1])
    std = a * STD**2 / np.sqrt((a * STD) ** 2 + b**2)
    assert abs(samples.mean() - MEAN) < 4 * std / np.sqrt(4000)
    assert abs(samples.std() - std) < 4 * std / np.sqrt(8000)


def test_it_trains_samples_and_comes_back_from_its_file(tmp_path):
    model = hybrid(ema_decay=0.9)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=True)
    x = np.random.default_rng(0).normal(MEAN, STD, (64, 2)).astype("float32")
    assert np.isfinite(model.fit(x, batch_size=32, verbose=0).history["loss"]).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.variance == LearnedVariance()
    samples = [m.sample(4, solver=Ancestral("learned"), steps=5, seed=0) for m in (model, loaded)]
    np.testing.assert_array_equal(*samples)
    assert np.isfinite(loaded.bound(x[:4]).total).all()


def test_guidance_keeps_the_variance_of_the_condition():
    network = kgen.networks.residual_mlp(2, width=8, depth=1, channels_out=4, classes=2)
    options = {"variance": LearnedVariance(), "classes": 2, "label_dropout": 0.1}
    model = kgen.Diffusion(network, SCHEDULE, Noise(), **options)
    samples = model.sample(3, labels=1, guidance=2.0, solver=Ancestral("learned"), steps=3, seed=0)
    assert np.isfinite(samples).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LearnedVariance(weight=-1.0), "weight >= 0"),
        (lambda: LearnedVariance(steps=1), "steps >= 2"),
        (lambda: LearnedVariance().chain(FlowMatching()), r"give LearnedVariance\(steps=1000\)"),
        (
            lambda: kgen.Diffusion(kgen.networks.residual_mlp(2), SCHEDULE, variance=LearnedVariance()),
            r"twice the channels of x, for a learned variance, \(4,\), got \(2,\)",
        ),
        (
            lambda: kgen.Diffusion(kgen.networks.residual_mlp(2)).sample(
                2, solver=diffusion.Ancestral("learned"), seed=0
            ),
            r"train it with variance=LearnedVariance\(\)",
        ),
    ],
    ids=["weight", "steps", "continuous", "channels", "not_learned"],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
