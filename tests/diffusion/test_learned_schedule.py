"""A learned schedule: its maths, its bound and its scatter in closed form, its life in a model."""

import keras
import numpy as np
import pytest
from diffusion_oracles import array, tensor
from families import vdm
from keras import ops
from test_diffusion_model import MEAN, STD, data, oracle
from variables import same, state

import kgen
from kgen import backend
from kgen.diffusion import DDIM, Karras, LearnedSchedule, Likelihood, LogitNormal, Noise, UniformTimes
from kgen.diffusion.bound import end_terms
from kgen.diffusion.precondition import Precondition
from kgen.diffusion.schedules.learned import monotone

TIMES = np.linspace(0.0, 1.0, 21)
LOW, HIGH = -5.0, 4.0


@pytest.fixture
def schedule():
    return bent(LearnedSchedule(LOW, HIGH, units=6))


def bent(schedule):
    """The same with a shape that is far from a line."""
    rng = np.random.default_rng(0)
    for weight in (schedule.heights, schedule.slopes):
        weight.assign(rng.normal(1.0, 2.0, weight.shape))
    return schedule


@pytest.fixture(scope="module")
def exact():
    """The best denoiser of Gaussian data, on ends where the bound's terms all matter."""
    options = {"weight": Likelihood(), "times": UniformTimes(low_discrepancy=True)}
    return oracle(LearnedSchedule(-3.0, 2.0), Noise(), **options)


def model_of(**options):
    network = kgen.networks.residual_mlp(2, width=8, depth=1, seed=0)
    options = {"weight": Likelihood(), "precondition": Precondition(STD)} | options
    return kgen.Diffusion(network, LearnedSchedule(LOW, HIGH), Noise(), **options)


def test_the_ends_are_those_asked_for(schedule):
    got = array(schedule.log_snr(tensor([0.0, 1.0])))
    np.testing.assert_allclose(got, [-LOW, -HIGH], rtol=1e-6)


@pytest.mark.parametrize("span", [-30.0, 0.0, 20.0])
def test_the_signal_to_noise_ratio_falls_whatever_the_weights(schedule, span):
    schedule.low.assign(0.0)  # -5 would hide a span of 1e-13 in float32
    schedule.span.assign(span)
    assert np.all(np.diff(array(schedule.log_snr(tensor(TIMES)))) < 0.0)


@pytest.mark.parametrize("size", [-20.0, 20.0])
def test_the_shape_rises_from_0_to_1_whatever_the_weights(schedule, size):
    rng = np.random.default_rng(1)
    for weight in (schedule.heights, schedule.slopes, schedule.centres):
        weight.assign(rng.uniform(min(size, 0.0), max(size, 0.0), weight.shape))
    weights = schedule.heights, schedule.slopes, schedule.centres
    place, rate = (array(x) for x in monotone(tensor(np.linspace(0.0, 1.0, 1001)), *weights))
    assert place[0] == 0.0
    assert place[-1] == 1.0
    assert np.all(np.diff(place) > 0.0)
    assert np.all(rate > 0.0)


def test_the_shape_is_that_of_the_formula(schedule):
    height, slope = (np.log1p(np.exp(array(w))) for w in (schedule.heights, schedule.slopes))
    inside = slope * (np.append(TIMES, [0.0, 1.0])[:, None] - array(schedule.centres))
    f = np.append(TIMES, [0.0, 1.0]) + (height / (1.0 + np.exp(-inside))).sum(axis=1)
    expected = -LOW - (HIGH - LOW) * (f[:-2] - f[-2]) / (f[-1] - f[-2])
    np.testing.assert_allclose(array(schedule.log_snr(tensor(TIMES))), expected, atol=1e-4)


@pytest.mark.parametrize("part", ["a", "b", "log_snr"])
def test_a_derivative_is_that_of_autodiff(schedule, part):
    t = tensor(TIMES)
    _, expected = backend.jvp(getattr(schedule, part), t, ops.ones_like(t))
    rate = getattr(schedule, f"{part}_rate")(t)
    np.testing.assert_allclose(array(rate), array(expected), rtol=2e-4, atol=2e-5)


def test_variance_is_preserved_and_time_of_is_the_inverse(schedule):
    t = tensor(TIMES)
    np.testing.assert_allclose(array(schedule.a(t)) ** 2 + array(schedule.b(t)) ** 2, 1.0, atol=1e-6)
    np.testing.assert_allclose(array(schedule.time_of(schedule.log_snr(t))), TIMES, atol=1e-5)


def second_moment(schedule, t):
    """E[(gamma' g(gamma))^2] with g = 1 / (1 + e^gamma), float64."""
    gamma, rate = -array(schedule.log_snr(t)), -array(schedule.log_snr_rate(t))
    return np.mean((rate / (1.0 + np.exp(gamma))) ** 2)


@pytest.mark.parametrize("name", ["heights", "slopes", "centres"])
def test_the_scatter_has_the_gradient_of_the_logarithm_of_the_second_moment(schedule, name):
    """By finite differences, for losses that are a function g of the log-SNR, over even times."""
    t = tensor((np.arange(20000) + 0.5) / 20000)
    losses = -schedule.log_snr_rate(t) * ops.sigmoid(schedule.log_snr(t))
    weight = getattr(schedule, name)
    (value, _), (gradient,) = backend.value_and_grad(
        lambda: (ops.mean(schedule.scatter(losses, t)), None), [weight]
    )
    start, expected = array(weight.value), []
    for step in 0.01 * np.eye(len(start)):
        moments = []
        for sign in (1.0, -1.0):
            weight.assign(start + sign * step)
            moments.append(np.log(second_moment(schedule, t)))
        expected.append((moments[0] - moments[1]) / 0.02)
    assert float(value) == 0.0
    np.testing.assert_allclose(array(gradient), expected, rtol=0.01, atol=2e-4)


def closed_form(low, high):
    """The bound per dimension: with m(g) = s^2 / (1 + s^2 e^-g) the best error,

    1/2 int e^-g m(g) dg + 1/2 e^-high E x^2 + 1/2 (log(2 pi) + low + 1).
    """
    diffusion = 0.5 * (np.log1p(STD**2 * np.exp(-low)) - np.log1p(STD**2 * np.exp(-high)))
    prior = 0.5 * np.exp(-high) * (STD**2 + MEAN**2)
    return diffusion + prior + 0.5 * (np.log(2 * np.pi) + low + 1.0)


def test_the_loss_and_its_gradient_are_those_of_the_bound(exact):
    """The ends' gradients, by finite differences of the closed form; span's is times sigmoid(span)."""
    n = 20000
    keys, x = kgen.random.keys(0, n), tensor(data(n))
    low, span = exact.schedule.low, exact.schedule.span
    (loss, _), gradients = backend.value_and_grad(
        lambda: (ops.mean(exact.losses_of(x, None, keys)), None), [low, span]
    )
    low, high, slope, h = -3.0, 2.0, 1.0 / (1.0 + np.exp(-float(span.numpy()))), 1e-4
    of_both = (closed_form(low + h, high + h) - closed_form(low - h, high - h)) / (2 * h)
    of_high = (closed_form(low, high + h) - closed_form(low, high - h)) / (2 * h)
    assert float(loss) == pytest.approx(closed_form(low, high), abs=0.03)
    assert float(gradients[0]) == pytest.approx(of_both, abs=0.02)
    assert float(gradients[1]) == pytest.approx(of_high * slope, abs=0.02)


def test_the_bound_is_that_of_the_loss(exact):
    total = exact.bound(data(2000), samples=16).total
    assert total.mean() / 2 == pytest.approx(closed_form(-3.0, 2.0), abs=0.05)


def test_the_bound_does_not_depend_on_the_shape(exact):
    """Another shape is another choice of the points of the same integral."""
    other = oracle(bent(LearnedSchedule(-3.0, 2.0)), Noise(), weight=Likelihood())
    rows = np.tile(data(20), (64, 1))
    bounds = [model.bound(rows).diffusion.reshape(64, 20).mean(axis=0) for model in (exact, other)]
    np.testing.assert_allclose(*bounds, rtol=0.05)


def test_the_loss_gives_the_shape_no_gradient_but_that_of_the_scatter(exact):
    keys, x, schedule = kgen.random.keys(0, 50), tensor(data(50)), exact.schedule
    weights = [schedule.heights, schedule.slopes, schedule.centres]
    t = exact.times.sample(schedule, kgen.random.fold_in(keys, 0))
    diffusion = exact.losses_of(x, None, keys) - sum_of_ends(exact, x, keys)
    _, got = backend.value_and_grad(lambda: (ops.mean(exact.losses_of(x, None, keys)), 0), weights)
    _, wanted = backend.value_and_grad(
        lambda: (ops.mean(schedule.scatter(ops.stop_gradient(diffusion), t)), 0), weights
    )
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(array(one), array(other), rtol=1e-3, atol=1e-6)


def sum_of_ends(model, x, keys):
    """The prior and reconstruction terms that `losses_of` adds, a mean over dimensions."""
    noise = kgen.random.normal(kgen.random.fold_in(keys, 4), (2,))
    return sum(end_terms(model.schedule, x, noise, model.ends(), None)) / 2


def test_training_makes_the_loss_scatter_less():
    """The exact denoiser has no weights: only the schedule trains, from ends that are far apart."""
    model = oracle(LearnedSchedule(-10.0, 8.0), Noise(), weight=Likelihood())
    keys, x = kgen.random.keys(7, 4000), tensor(data(4000, seed=1))

    def deviation():
        return array(model.losses_of(x, None, keys) - sum_of_ends(model, x, keys)).std()

    before = deviation()
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(data(8192), batch_size=512, epochs=4, verbose=0)
    assert deviation() < 0.85 * before


def test_it_is_trained_averaged_sampled_and_saved(tmp_path):
    model = model_of(ema_decay=0.9)
    model.compile(keras.optimizers.Adam(0.1), jit_compile=True)
    before = [array(w) for w in model.schedule.weights]
    model.fit(data(64), batch_size=16, verbose=0)
    after = [array(w) for w in model.schedule.weights]
    average = [array(w) for w in model.averaged[1].weights]
    trio = zip(before, average, after, strict=True)
    assert all(np.all((old != mean) & (mean != new) & (new != old)) for old, mean, new in trio)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for weights, expected in ((loaded.schedule, after), (loaded.averaged[1], average)):
        assert all(map(np.array_equal, [array(w) for w in weights.weights], expected))
    samples = [m.sample(4, solver=DDIM(), steps=5, seed=0) for m in (model, loaded)]
    np.testing.assert_array_equal(*samples)


def test_samples_are_of_the_present_schedule():
    """The compiled sampler reads the weights: other ends, other samples."""
    model = model_of()
    first = model.sample(3, solver=DDIM(), steps=3, seed=0)
    model.schedule.low.assign(-2.0)
    assert not np.allclose(model.sample(3, solver=DDIM(), steps=3, seed=0), first)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LearnedSchedule(1.0, 1.0), "gamma_1 > gamma_0"),
        (lambda: LearnedSchedule(units=0), "units >= 1"),
        (lambda: model_of(times=LogitNormal()), r"give weight=Likelihood\(\) and times=UniformTimes"),
        (
            lambda: kgen.Diffusion(kgen.networks.residual_mlp(2), LearnedSchedule()),
            r"give weight=Likelihood\(\)",
        ),
        (lambda: model_of().sample(2, grid=Karras(), seed=0), r"use Uniform\(\)"),
    ],
    ids=["ends", "units", "times", "weight", "grid"],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.every_backend
def test_every_trace_of_a_step_rounds_alike(tmp_path):
    """On TensorFlow some did not."""
    keras.utils.set_random_seed(0)
    model = vdm()
    model.compile(keras.optimizers.Adam(0.01))
    x = np.linspace(-0.8, 0.8, 32, dtype="float32").reshape(16, 2)
    model.fit(x, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    results = []
    for _ in range(8):
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        loaded.fit(x, shuffle=False, verbose=0)
        results.append(state(loaded))
    assert all(same(results[0], other) for other in results[1:])
