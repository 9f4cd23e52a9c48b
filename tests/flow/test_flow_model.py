"""The flow as a model: densities that integrate to 1, conditions, levels, starts, mistakes."""

import math

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen.distributions import StandardNormal
from kgen.flow import Flow, Transformed, UniformNoise, VariationalNoise
from kgen.flow.dequantization import content_keys
from kgen.flow.layers import ActNorm, Coupling, Logit

BUILD = {
    "realnvp": lambda **o: kgen.flow.RealNVP((2,), layers=2, hidden=(8,), **o),
    "nsf": lambda **o: kgen.flow.NeuralSplineFlow((2,), layers=2, hidden=(8,), bins=4, **o),
    "maf": lambda **o: kgen.flow.MAF((2,), layers=2, hidden=(8,), **o),
    "iaf": lambda **o: kgen.flow.IAF((2,), layers=2, hidden=(8,), **o),
}


def randomized(model, scale=0.5):
    rng = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0.0, scale, variable.shape).astype("float32"))
    return model


@pytest.mark.parametrize("name", BUILD)
def test_a_density_integrates_to_one(name):
    model = randomized(BUILD[name](), scale=0.3)
    axis = np.linspace(-12.0, 12.0, 161, dtype="float32")
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    density = np.exp(model.log_prob(grid, batch_size=len(grid)).astype("float64"))
    assert density.sum() * (axis[1] - axis[0]) ** 2 == pytest.approx(1.0, abs=2e-3)


@pytest.fixture(scope="module")
def told():
    """A RealNVP that learned where each of two labels lies."""
    keras.utils.set_random_seed(0)
    y = np.arange(256, dtype="int32") % 2
    x = np.random.default_rng(0).normal(0.0, 0.1, (256, 2)).astype("float32")
    x[:, 0] += 2.0 * y - 1.0
    model = kgen.flow.RealNVP((2,), layers=2, hidden=(16,), classes=2, ema_decay=0.9)
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(x, y, batch_size=64, epochs=15, verbose=0)
    return model, x, y


def test_a_label_decides_where_samples_lie(told):
    model, _, _ = told
    samples = model.sample(40, labels=np.arange(40) % 2, seed=0)
    assert samples[::2, 0].mean() == pytest.approx(-1.0, abs=0.3)
    assert samples[1::2, 0].mean() == pytest.approx(1.0, abs=0.3)


def test_the_right_label_is_likelier(told):
    model, x, y = told
    assert (model.log_prob(x, y) > model.log_prob(x, 1 - y)).mean() > 0.95


def test_samples_of_no_label_are_of_each_class_in_turn(told):
    model, _, _ = told
    np.testing.assert_array_equal(
        model.sample(5, seed=0), model.sample(5, labels=[0, 1, 0, 1, 0], seed=0)
    )


def test_encode_and_decode_are_inverses_for_each_label(told):
    model, x, y = told
    np.testing.assert_allclose(model.decode(model.encode(x, y), y), x, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x, y: m.log_prob(x), r"needs labels \(batch,\), one for each example, got none"),
        (lambda m, x, y: m.log_prob(x, context=x), r"needs labels \(batch,\), .*, got context"),
        (lambda m, x, y: m.sample(2, labels=0, context=np.ones(2)), "takes no context"),
        (lambda m, x, y: m.sample(2, labels=2), r"labels 0 \.\.\. 1, got 2 at position 0"),
        (lambda m, x, y: m.sample(2, labels=0.5), "integer labels of shape .*, got float64"),
        (lambda m, x, y: m.sample(3, labels=[0, 1]), r"labels of shape \(\) or \(3,\), got \(2,\)"),
        (lambda m, x, y: m.sample(0, labels=0), "n >= 1"),
        (lambda m, x, y: m.fit(x, y + 1, verbose=0), r"labels 0 \.\.\. 1, got 2 at position"),
        (lambda m, x, y: m.log_prob(x, y + 1), r"labels 0 \.\.\. 1, got 2 at position"),
        (lambda m, x, y: BUILD["maf"]().log_prob(x, y), "takes no labels: it is unconditional"),
        (lambda m, x, y: Flow([ActNorm(2)], StandardNormal((2,)), classes=2, context=3), "got both"),
    ],
)
def test_a_wrong_condition_is_an_error(told, call, message):
    with pytest.raises(ValueError, match=message):
        call(*told)


def test_a_context_of_the_wrong_width_is_an_error():
    model = BUILD["realnvp"](context=3)
    with pytest.raises(ValueError, match=r"expected context of shape \(3,\) or \(4, 3\), got \(4, 2\)"):
        model.log_prob(np.zeros((4, 2), "float32"), context=np.zeros((4, 2), "float32"))


def test_far_away_data_have_finite_log_likelihoods():
    model = randomized(BUILD["nsf"](), scale=0.3)
    assert np.isfinite(model.log_prob(np.array([[1e4, -1e4], [0.0, 1e4]], "float32"))).all()


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match="expected temperature > 0"):
        BUILD["realnvp"]().sample(2, temperature=temperature)


def test_samples_that_overflow_are_an_error():
    model = BUILD["realnvp"]()
    model.transform.transforms[0].log_scale.assign(np.full(2, 200.0, "float32"))
    with pytest.raises(FloatingPointError, match="4 of 4 samples are not finite"):
        model.sample(4, seed=0)


def four_levels(noise):
    """One number of four levels: the logit, then a shift and a scale."""
    return Flow([Logit(*noise.interval), ActNorm(1)], StandardNormal((1,)), dequantization=noise)


def exact_log_probability(model):
    """log of the mass of each level's interval under logit and normal, by the normal's CDF."""
    logit, norm = model.transform.transforms
    edges = np.linspace(logit.low, logit.high, 5)
    p = logit.alpha + (1 - 2 * logit.alpha) * (edges - logit.low) / (logit.high - logit.low)
    z = (np.log(p / (1 - p)) - norm.shift.numpy()) / np.exp(norm.log_scale.numpy())
    return np.log(np.diff([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in z]))


def learned_noise():
    network = kgen.networks.conditioner(1, 2, hidden=())
    return VariationalNoise(network, levels=4)


@pytest.mark.parametrize("make", [lambda: UniformNoise(4), learned_noise], ids=["uniform", "learned"])
def test_dequantisation_bounds_the_probability_of_levels(make):
    model = four_levels(make())
    model.transform.transforms[1].shift.assign([0.4])
    x = np.repeat(np.linspace(-1.0, 1.0, 4, dtype="float32"), 2000)[:, None]
    keys = ops.convert_to_tensor(kgen.random.keys(0, len(x)))
    bound = -ops.convert_to_numpy(model.losses_of(ops.convert_to_tensor(x), None, keys))
    exact = exact_log_probability(model)
    # E log w <= log E w = log P; and the mean of the weights themselves is P
    assert (bound.reshape(4, -1).mean(axis=1) <= exact + 1e-3).all()
    np.testing.assert_allclose(np.exp(bound.reshape(4, -1)).mean(axis=1), np.exp(exact), rtol=0.05)


def test_log_prob_of_levels_is_the_same_in_every_batch():
    model = four_levels(UniformNoise(4))
    x = np.linspace(-1.0, 1.0, 4, dtype="float32")[:, None]
    whole = model.log_prob(x)
    np.testing.assert_allclose(model.log_prob(x[2:]), whole[2:], rtol=1e-6)
    assert (model.log_prob_estimate, model.range_width) == ("bound", None)


@pytest.mark.parametrize(
    ("make", "value", "message"),
    [
        (lambda: four_levels(UniformNoise(4)), 0.5, r"expected 4 levels, integers k in \[0, 4\)"),
        (lambda: four_levels(UniformNoise(4)), 5.0, "the first 5: round"),
        (lambda: Flow([Logit(alpha=0.0)], StandardNormal((1,))), 1.0, "open interval .*dequantise"),
    ],
)
def test_data_off_the_levels_or_outside_the_support_are_errors(make, value, message):
    model = make()
    model.compile("adam")
    with pytest.raises(ValueError, match=message):
        model.fit(np.array([[-1.0 / 3.0], [value]], "float32"), verbose=0)


@pytest.mark.parametrize("x", [np.array([[0.5]], "float32"), np.array([[255]], "uint8")])
def test_the_probability_of_what_is_no_level_is_an_error(x):
    with pytest.raises(ValueError, match=r"expected 4 levels, integers k in \[0, 4\)"):
        four_levels(UniformNoise(4)).log_prob(x)


def test_outside_the_support_the_density_is_zero():
    model = Flow([Logit(alpha=0.0)], StandardNormal((1,)))
    assert model.log_prob(np.array([[2.0]], "float32"))[0] == -np.inf


def test_fit_starts_actnorm_and_a_loaded_model_is_not_started_again(tmp_path):
    x = np.random.default_rng(0).normal(5.0, 3.0, (64, 2)).astype("float32")
    model = BUILD["realnvp"]()
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(x, verbose=0)
    layer = model.transform.transforms[0]
    np.testing.assert_allclose(layer.shift.numpy(), x.mean(axis=0), rtol=1e-4)
    model.save(tmp_path / "flow.keras")
    loaded = keras.saving.load_model(tmp_path / "flow.keras")
    loaded.fit(x + 1.0, verbose=0)
    np.testing.assert_array_equal(loaded.transform.transforms[0].shift.numpy(), layer.shift.numpy())


def test_data_that_can_be_read_only_once_are_not_touched():
    model = BUILD["realnvp"]()
    model.compile("adam")
    batches = ((np.ones((8, 2), "float32"),) for _ in range(2))
    with pytest.warns(UserWarning, match="read only once.*initialize"):
        model.fit(batches, steps_per_epoch=2, verbose=0)


def test_a_flow_is_a_prior_that_a_vae_trains(tmp_path):
    flow = BUILD["realnvp"]()
    prior = Transformed(flow.transform, flow.prior)
    model = kgen.VAE(
        kgen.networks.mlp(2, 4, hidden=(8,)),
        kgen.networks.mlp(2, 2, hidden=(8,)),
        kgen.vae.Gaussian(0.5),
        prior,
    )
    model.compile(keras.optimizers.Adam(0.01))
    before = [np.array(v.numpy()) for v in prior.trainable_variables]
    x = kgen.data.load("moons", size=64).x
    model.fit(x, batch_size=32, epochs=4, verbose=0)
    moved = [
        np.abs(v.numpy() - old).max() > 0
        for v, old in zip(prior.trainable_variables, before, strict=True)
    ]
    assert all(moved)
    model.save(tmp_path / "vae.keras")
    loaded = keras.saving.load_model(tmp_path / "vae.keras")
    np.testing.assert_array_equal(loaded.sample(3, seed=0), model.sample(3, seed=0))


def test_a_flow_is_the_prior_of_another_flow():
    inner = BUILD["maf"]()
    outer = Flow([Coupling(kgen.networks.conditioner(1, 2))], Transformed(inner.transform, inner.prior))
    randomized(outer, 0.3)
    x = np.array([[0.3, -0.2]], "float32")
    expected = inner.log_prob(outer.encode(x)) + ops.convert_to_numpy(
        outer.transform.call_and_ladj(ops.convert_to_tensor(x))[1]
    )
    np.testing.assert_allclose(outer.log_prob(x), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: kgen.flow.Glow((9, 8, 1)), "images of 9x8 cannot be halved 2 times"),
        (lambda: kgen.flow.Glow((8, 8)), "expected the shape of images"),
        (lambda: kgen.flow.MAF((8, 8, 1)), "expected the shape of vectors"),
        (lambda: kgen.flow.RealNVP((1,)), "leaves nothing to transform"),
        (lambda: kgen.flow.FFJORD((2,), steps=0), "steps >= 1"),
    ],
)
def test_shapes_that_do_not_fit_are_errors(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_ffjord_learns_two_numbers():
    x = (0.3 * np.random.default_rng(0).normal(size=(128, 2)) + 1.0).astype("float32")
    model = kgen.flow.FFJORD((2,), hidden=(8,), steps=1)
    model.compile(keras.optimizers.Adam(0.02))
    losses = model.fit(x, batch_size=64, epochs=3, verbose=0).history["loss"]
    entropy = 2 * (0.5 * math.log(2 * math.pi * math.e) + math.log(0.3))
    assert losses[-1] == pytest.approx(entropy, abs=0.3)
    keys = ops.convert_to_tensor(kgen.random.keys(0, len(x)))
    fixed = ops.convert_to_numpy(model.losses_of(ops.convert_to_tensor(x), None, keys))
    np.testing.assert_allclose(-model.log_prob(x), fixed, atol=0.05)
    assert model.log_prob_estimate == "ODE"


def test_content_keys_are_a_hash_of_32_bits():
    """The digest is the sum of products modulo 2^32, computed here in 64 bits."""
    x = np.round(np.random.default_rng(1).uniform(0, 255, (4, 8, 8, 3))) / 127.5 - 1.0
    odd = np.random.default_rng(0).integers(2**30, size=192, dtype="int32") * 2 + 1
    values = np.round(x.astype("float32").reshape(4, -1) * np.float32(1024.0)).astype("int64")
    digest = np.sum(values * odd, axis=1).astype("int32")
    expected = kgen.random.fold_in(
        ops.convert_to_tensor(kgen.random.key(3)), ops.convert_to_tensor(digest)
    )
    found = content_keys(ops.convert_to_tensor(x, dtype="float32"), 3)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), ops.convert_to_numpy(expected))
