"""The model around a network that knows the answer: the best denoiser of x ~ N(mean, std^2)."""

import keras
import numpy as np
import pytest
from families import set_numpy_weights
from keras import ops
from scipy import stats

import kgen
from kgen import diffusion

MEAN, STD = 0.4, 0.7
SCHEDULES = [diffusion.FlowMatching(), diffusion.VP(), diffusion.Trigonometric(), diffusion.EDM()]
TARGETS = [diffusion.Velocity(), diffusion.Noise(), diffusion.V(), diffusion.F(0.5)]


@keras.saving.register_keras_serializable("tests")
class Oracle(keras.layers.Layer):
    """The best prediction of a target for data N(MEAN + label, STD^2), given x_t."""

    def __init__(self, schedule, target, classes=None, **kwargs):
        super().__init__(**kwargs)
        self.schedule, self.target, self.classes = schedule, target, classes

    def call(self, x, t, labels=None):
        mean = ops.full_like(t, MEAN)
        if labels is not None:  # no label: no shift
            shift = ops.cast(labels, "float32")
            mean = mean + ops.where(labels == self.classes, 0.0, shift)
        a, b = self.schedule.a(t)[:, None], self.schedule.b(t)[:, None]
        residual = (x - a * mean[:, None]) / (a**2 * STD**2 + b**2)
        data = mean[:, None] + a * STD**2 * residual  # E[x | x_t]
        return self.target.make(self.schedule, data, b * residual, t)  # b * residual = E[z | x_t]


def oracle(schedule=None, target=None, classes=None, **options):
    schedule, target = schedule or diffusion.FlowMatching(), target or diffusion.Velocity()
    inputs = [keras.Input((2,), name="x"), keras.Input((), name="t")]
    if classes:
        inputs.append(keras.Input((), dtype="int32", name="labels"))
    network = keras.Model(inputs, Oracle(schedule, target, classes)(*inputs))
    return kgen.Diffusion(network, schedule, target, classes=classes, **options)


def data(n=400, seed=0):
    return np.random.default_rng(seed).normal(MEAN, STD, (n, 2)).astype("float32")


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: type(t).__name__)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_samples_have_the_distribution_of_the_data(schedule, target):
    samples = oracle(schedule, target).sample(500, steps=40, grid=diffusion.Karras(), seed=0)
    assert abs(samples.mean() - MEAN) < 4 * STD / np.sqrt(1000)
    assert abs(samples.std() - STD) < 4 * STD / np.sqrt(2000)


# VP with a larger beta than usual: 20 leaves 0.7 % of the data at t = 1, which the prior ignores.
DENSITIES = [diffusion.FlowMatching(), diffusion.Trigonometric(), diffusion.VP(beta_max=40.0)]


@pytest.mark.parametrize("schedule", DENSITIES, ids=lambda s: type(s).__name__)
def test_log_prob_is_the_exact_density(schedule):
    x = data(40)
    expected = stats.norm(MEAN, STD).logpdf(x).sum(axis=1)
    np.testing.assert_allclose(oracle(schedule).log_prob(x), expected, atol=1e-3)


def test_hutchinson_log_prob_is_unbiased():
    """For an isotropic Gaussian the Jacobian is a multiple of one, so any sign vector is exact."""
    x = data(40)
    expected = stats.norm(MEAN, STD).logpdf(x).sum(axis=1)
    np.testing.assert_allclose(oracle().log_prob(x, exact=False), expected, atol=1e-3)


def test_the_bound_of_the_optimum_is_the_entropy():
    """In the mean over data the bound of the optimal denoiser is tight: E[-log p(x)]."""
    x = data(2000)
    bound = oracle(diffusion.VP()).bound(x, samples=64).total
    entropy = 2 * stats.norm(MEAN, STD).entropy()
    assert bound.mean() == pytest.approx(entropy, abs=0.1)


def test_encode_is_the_inverse_of_sampling():
    model = oracle()
    samples = model.sample(20, solver=diffusion.RungeKutta(), steps=1, seed=3)
    noise = ops.convert_to_numpy(model.sample(20, steps=200, trajectory=True, seed=3)[:, 0])
    np.testing.assert_allclose(model.encode(samples), noise, atol=2e-3)


def test_guidance_moves_by_its_weight():
    """Denoisers of N(m + k, s^2) differ by a shift, so guidance w gives the mean m + (1 + w) k."""
    model = oracle(classes=3, label_dropout=0.1)
    for weight, mean in ((0.0, MEAN + 1.0), (1.5, MEAN + 2.5), (-1.0, MEAN)):
        samples = model.sample(400, labels=1, guidance=weight, steps=50, seed=0)
        assert samples.mean() == pytest.approx(mean, abs=0.1)
    free = model.sample(400, steps=50, seed=0)
    assert free.mean() == pytest.approx(MEAN, abs=0.1)


@keras.saving.register_keras_serializable("tests")
class Counts(keras.layers.Layer):
    """Notes how many examples it sees."""

    rows = ()

    def call(self, x, t, labels):
        type(self).rows = (*self.rows, x.shape[0])
        return 0.0 * x


@pytest.fixture
def counted(monkeypatch):
    inputs = [keras.Input((2,), name="x"), keras.Input((), name="t")]
    inputs.append(keras.Input((), dtype="int32", name="labels"))
    model = kgen.Diffusion(keras.Model(inputs, Counts()(*inputs)), classes=3, label_dropout=0.1)
    monkeypatch.setattr(Counts, "rows", ())
    return model


@pytest.mark.parametrize(("guidance", "rows"), [(None, 3), (0.0, 3), (1.0, 6)])
def test_a_network_without_guidance_runs_on_one_branch(counted, guidance, rows):
    counted.compile("sgd", run_eagerly=True)
    counted.sample(3, labels=1, guidance=guidance, steps=2, solver=diffusion.Euler(), seed=0)
    assert set(Counts.rows) == {rows}


def test_another_seed_label_or_weight_of_guidance_compiles_nothing_anew(counted):
    counted.compile("sgd", jit_compile=True)
    options = {"labels": 1, "guidance": 1.0, "seed": 0}
    counted.sample(3, **options, steps=2)
    before = len(Counts.rows)
    for change in ({"seed": 1}, {"labels": 2}, {"guidance": 3.0}):
        counted.sample(3, **(options | change), steps=2)
    assert len(Counts.rows) == before


def test_guidance_outside_its_interval_does_nothing():
    model = oracle(classes=3, label_dropout=0.1)
    plain = model.sample(8, labels=2, seed=0)
    outside = model.sample(8, labels=2, guidance=3.0, interval=(2.0, 3.0), seed=0)
    np.testing.assert_allclose(outside, plain, atol=1e-5)


def test_each_example_has_its_own_label_and_weight():
    model = oracle(classes=3, label_dropout=0.1)
    labels, weights = np.array([0, 1, 2]), np.array([0.0, 1.0, 2.0])
    together = model.sample(3, labels=labels, guidance=weights, seed=5)
    for i in range(3):
        alone = model.sample(3, labels=int(labels[i]), guidance=float(weights[i]), seed=5)
        np.testing.assert_allclose(together[i], alone[i], atol=1e-5)


def test_a_model_that_needs_labels_draws_its_classes_in_turn():
    model = oracle(classes=3)
    samples = model.sample(5, seed=5)
    np.testing.assert_array_equal(samples, model.sample(5, labels=[0, 1, 2, 0, 1], seed=5))


@pytest.mark.parametrize(
    ("options", "takes", "needs"),
    [
        ({}, False, False),
        ({"classes": 3}, True, True),
        ({"classes": 3, "label_dropout": 0.1}, True, False),
    ],
)
def test_a_model_says_whether_it_can_be_told_classes_and_must_be(options, takes, needs):
    model = oracle(**options)
    assert (model.takes_labels, model.needs_labels) == (takes, needs)


def test_a_trajectory_ends_in_the_sample():
    model = oracle()
    path = model.sample(5, steps=7, trajectory=True, seed=1)
    assert path.shape == (5, 8, 2)
    np.testing.assert_allclose(path[:, -1], model.sample(5, steps=7, seed=1), atol=1e-6)


def test_denoising_score_matching_is_the_same_loss():
    """|s + z/b|^2 weighted by b^2 is |z_hat - z|^2, for the same network seen as a score."""
    keys = kgen.random.keys(0, 50)
    as_noise = oracle(diffusion.VE(), diffusion.Noise()).losses_of(data(50), None, keys)
    model = oracle(diffusion.VE(), diffusion.Score())
    t = model.times.sample(model.schedule, kgen.random.fold_in(keys, 0))
    as_score = model.losses_of(data(50), None, keys) * ops.square(model.schedule.b(t))
    np.testing.assert_allclose(
        ops.convert_to_numpy(as_score), ops.convert_to_numpy(as_noise), rtol=1e-4
    )


def test_reflow_uses_the_given_noise():
    keys, x, noise = kgen.random.keys(0, 6), data(6), data(6, seed=1)
    model = oracle()
    t = model.times.sample(model.schedule, kgen.random.fold_in(keys, 0))
    t = ops.convert_to_numpy(t)[:, None]
    x_t = (1 - t) * x + t * noise
    prediction = ops.convert_to_numpy(model([x_t, t[:, 0]]))
    expected = ((prediction - (noise - x)) ** 2).mean(axis=1)
    got = model.losses_of(x, {"noise": noise}, keys)
    np.testing.assert_allclose(ops.convert_to_numpy(got), expected, rtol=1e-4)


def test_optimal_transport_shortens_the_paths():
    x, noise = (ops.convert_to_tensor(data(64, seed)) for seed in (0, 1))
    pairing = diffusion.OptimalTransport()
    paired = pairing(x, noise, kgen.random.keys(0, 64))
    cost = [float(ops.mean(ops.sum((x - z) ** 2, -1))) for z in (noise, paired)]
    assert cost[1] < 0.2 * cost[0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: oracle().sample(2, steps=0), "steps >= 1, got 0"),
        (lambda: oracle(diffusion.DDPM.linear(10)).sample(2, steps=11), "at most the 10 steps"),
        (lambda: oracle(classes=3).sample(2, labels=4), "labels 0 ... 2, or 3 for no label, got 4"),
        (lambda: oracle(classes=3).log_prob(data(2)), "the model needs labels"),
        (lambda: oracle().sample(2, labels=1), "the model takes no labels"),
        (lambda: oracle(classes=3).sample(2, labels=1, guidance=2.0), "train it with label_dropout"),
        (lambda: oracle().sample(2, solver=diffusion.EulerMaruyama()), "divides by a"),
        (lambda: oracle().sample(0), "n >= 1"),
        (lambda: kgen.Diffusion(kgen.networks.mlp(2, 2)), "inputs named x, t"),
        (lambda: kgen.Diffusion(kgen.networks.residual_mlp(2, channels_out=4)), "shape of x"),
        (lambda: kgen.Diffusion(kgen.networks.residual_mlp(2, classes=3)), "give classes to both"),
        (lambda: oracle()(data(2)), r"expected \[x_t, t\], got 1 of these 2"),
        (lambda: oracle(classes=3)([data(2), np.ones(2)]), r"\[x_t, t, labels\], got 2 of these 3"),
        (lambda: oracle().log_prob(np.full((2, 2), np.nan)), "4 NaN or infinite values"),
        (lambda: oracle().encode(np.zeros((2, 3))), r"of shape \(batch, 2\), got shape \(batch, 3\)"),
        (
            lambda: oracle(classes=3, label_dropout=0.1).sample(2, guidance=2.0),
            "neither was asked for: give labels",
        ),
        (lambda: oracle(label_dropout=0.1), "takes neither labels nor a context"),
        (lambda: oracle(clip=(1.0, -1.0)), r"clip=\(low, high\) with low < high"),
        (lambda: oracle(clip=1.0), r"clip=\(low, high\) with low < high, got 1.0"),
        (lambda: diffusion.DDPM.linear(0), "at least 1 step"),
        (lambda: diffusion.DDPM.cosine(0), "at least 1 step"),
    ],
    ids=[f"case{i}" for i in range(21)],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_labels_of_training_are_checked():
    model = oracle(classes=3)
    model.compile("sgd")
    with pytest.raises(ValueError, match=r"labels 0 \.\.\. 2, or 3 for no label, got 7 at position 0"):
        model.fit(data(8), np.full(8, 7), verbose=0)


def test_a_network_that_breaks_says_at_which_step():
    @keras.saving.register_keras_serializable("tests")
    class Breaks(keras.layers.Layer):
        def call(self, x, t):
            return ops.where(t[:, None] < 0.45, np.nan, 0.0 * x)

    inputs = [keras.Input((2,), name="x"), keras.Input((), name="t")]
    model = kgen.Diffusion(keras.Model(inputs, Breaks()(*inputs)))
    with pytest.raises(FloatingPointError, match="2 of 2 samples are not finite from step 7 of 10"):
        model.sample(2, solver=diffusion.Euler(), steps=10, seed=0)


def test_a_sampler_of_ones_own_is_the_default_and_is_saved(tmp_path):
    sampler = kgen.diffusion.Plan(kgen.diffusion.Euler(), steps=3)
    model = kgen.Diffusion(kgen.networks.residual_mlp(2, 8, 1, seed=0), sampler=sampler)
    set_numpy_weights(model)
    expected = model.sample(4, solver=kgen.diffusion.Euler(), steps=3, seed=0)
    np.testing.assert_array_equal(model.sample(4, seed=0), expected)
    np.testing.assert_allclose(model.generate(kgen.random.keys(0, 4)), expected, atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.sampler == sampler
    np.testing.assert_allclose(loaded.sample(4, seed=0), expected, atol=1e-6)
    assert np.abs(loaded.sample(4, solver=kgen.diffusion.Heun(), seed=0) - expected).max() > 1e-5


def test_a_sampler_of_paths_is_refused():
    path = kgen.diffusion.Plan(kgen.diffusion.Euler(), steps=3, trajectory=True)
    with pytest.raises(ValueError, match=r"ask sample\(trajectory=True\)"):
        kgen.Diffusion(kgen.networks.residual_mlp(2, 8, 1), sampler=path)


def test_guidance_acts_in_the_interval_of_the_models_sampler():
    plan = kgen.diffusion.Plan(kgen.diffusion.Euler(), steps=4, interval=(0.0, 0.4))
    options = {"classes": 2, "label_dropout": 0.1}
    network = kgen.networks.residual_mlp(2, 8, 1, classes=2, seed=0)
    told, untold = (kgen.Diffusion(network, sampler=s, **options) for s in (plan, None))
    set_numpy_weights(told)
    asked = {"labels": 1, "guidance": 3.0, "seed": 0}
    by_hand = {"solver": plan.solver, "steps": plan.steps}
    expected = untold.sample(4, interval=plan.interval, **by_hand, **asked)
    np.testing.assert_array_equal(told.sample(4, **asked), expected)
    assert np.abs(untold.sample(4, **by_hand, **asked) - expected).max() > 1e-5
    known = (np.zeros((4, 2), "float32"), np.array([True, False]))
    expected = untold.inpaint(*known, steps=4, interval=plan.interval, resample=1, **asked)
    np.testing.assert_array_equal(told.inpaint(*known, resample=1, **asked), expected)
    assert np.abs(untold.inpaint(*known, steps=4, resample=1, **asked) - expected).max() > 1e-5
