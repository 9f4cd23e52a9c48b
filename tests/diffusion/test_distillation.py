"""Students of teachers that are known exactly: Gaussian data, of which all is known in closed form.

On the trigonometric schedule data N(0, 1) stay N(0, 1): the flow stands still, and with u = pi t / 2
a DDIM step from t to s multiplies by cos(u_t - u_s).
"""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen import diffusion
from kgen.diffusion import ConsistencyModel, ProgressiveDistillation, reflow_pairs

MEAN, STD = 0.4, 0.7
CIRCLE = {"schedule": diffusion.Trigonometric(), "target": diffusion.V()}


@keras.saving.register_keras_serializable("tests")
class Best(keras.layers.Layer):
    """The best prediction of a target for data N(mean + label, std^2), given x_t."""

    def __init__(self, schedule, target, mean=MEAN, std=STD, **options):
        super().__init__(**options)
        self.schedule, self.target, self.mean, self.std = schedule, target, mean, std

    def call(self, x, t, labels=None):
        mean = ops.full_like(t, self.mean)
        mean = (mean if labels is None else mean + ops.cast(labels, "float32"))[:, None]
        a, b = self.schedule.a(t)[:, None], self.schedule.b(t)[:, None]
        residual = (x - a * mean) / (a**2 * self.std**2 + b**2)
        return self.target.make(self.schedule, mean + a * self.std**2 * residual, b * residual, t)

    def get_config(self):
        own = {name: getattr(self, name) for name in ("schedule", "target", "mean", "std")}
        return super().get_config() | own

    @classmethod
    def from_config(cls, config):
        return cls(**{k: keras.saving.deserialize_keras_object(v) for k, v in config.items()})


@keras.saving.register_keras_serializable("tests")
class Jump(keras.layers.Layer):
    """v of which the data are x_t itself, on the circle: where the flow of N(0, 1) ends."""

    def call(self, x, t):
        return -ops.tan(0.25 * np.pi * t)[:, None] * x


def network(layer, dims=2, classes=None):
    inputs = [keras.Input((dims,), name="x"), keras.Input((), name="t")]
    if classes:
        inputs.append(keras.Input((), dtype="int32", name="labels"))
    return keras.Model(inputs, layer(*inputs))


def best(schedule, target, classes=None, **options):
    return network(Best(schedule, target, **options), classes=classes)


def linear():
    """One weight and no time: the target is a multiple of x_t."""
    x, t = keras.Input((1,), name="x"), keras.Input((), name="t")
    return keras.Model([x, t], keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(x))


def array(tensor):
    return np.array(ops.convert_to_numpy(tensor), dtype="float64")


def data(n=50, seed=0):
    return np.random.default_rng(seed).normal(MEAN, STD, (n, 2)).astype("float32")


def teachers_steps(schedule, x, times):
    """DDIM on the exact denoiser of N(MEAN, STD^2), float64."""
    for t, s in itertools.pairwise(times):
        a, b, a_s, b_s = (
            float(f(ops.convert_to_tensor(float(time), dtype="float32")))
            for time in (t, s)
            for f in (schedule.a, schedule.b)
        )
        residual = (x - a * MEAN) / (a**2 * STD**2 + b**2)
        x = a_s * (MEAN + a * STD**2 * residual) + b_s * b * residual
    return x


PAIRS = [
    (diffusion.FlowMatching(), diffusion.Velocity()),
    (diffusion.Trigonometric(), diffusion.V()),
    (diffusion.VP(), diffusion.Noise()),
    (diffusion.EDM(), diffusion.F()),
]


@pytest.mark.parametrize("times", [(1.0, 0.75, 0.5), (0.5, 0.25, 0.0)], ids=str)
@pytest.mark.parametrize(("schedule", "target"), PAIRS, ids=lambda value: type(value).__name__)
def test_one_step_of_the_target_ends_where_two_of_the_teacher_do(schedule, target, times):
    net = best(schedule, target)
    model = ProgressiveDistillation(net, net, steps=2, schedule=schedule, target=target)
    x = data().astype("float64")
    tensor = ops.convert_to_tensor(x, dtype="float32")
    t, middle, s = (ops.full((len(x),), time, dtype="float32") for time in times)
    y = model.two_steps(tensor, t, middle, s, {})
    found, noise = target.solve(schedule, tensor, y, t)
    reached = array(schedule.a(s))[0] * array(found) + array(schedule.b(s))[0] * array(noise)
    expected = teachers_steps(schedule, x, times)
    np.testing.assert_allclose(reached, expected, atol=1e-4)


def test_a_student_learns_the_shrinkage_of_two_steps():
    """Data N(0, 1), one step: the teacher's two multiply by cos(pi / 4)^2 = 1/2, and v is -1/2 x."""
    model = ProgressiveDistillation(
        linear(), network(Best(*CIRCLE.values(), mean=0.0, std=1.0), dims=1), steps=1, **CIRCLE
    )
    model.compile(keras.optimizers.SGD(0.3), jit_compile=True)
    x = np.random.default_rng(0).normal(size=(256, 1)).astype("float32")
    model.fit(x, batch_size=64, epochs=20, verbose=0)
    np.testing.assert_allclose(array(model.network.weights[0]), -0.5, atol=1e-3)
    noise = array(model.sample(5, seed=0, trajectory=True))
    np.testing.assert_allclose(noise[:, 1], 0.5 * noise[:, 0], atol=2e-3)


def test_nothing_is_left_to_learn_where_one_step_is_exact():
    """Data of one point: the prediction never changes, so the teacher is its own student."""
    schedule, target = diffusion.FlowMatching(), diffusion.Velocity()
    net = best(schedule, target, std=0.0)
    model = ProgressiveDistillation(net, net, 4)
    losses = model.losses_of(np.full((20, 2), MEAN, "float32"), None, kgen.random.keys(0, 20))
    np.testing.assert_allclose(array(losses), 0.0, atol=1e-8)


def test_a_student_of_a_student_halves_the_steps():
    model = kgen.Diffusion(kgen.networks.residual_mlp(2, width=8), classes=None, ema_decay=0.9)
    student = ProgressiveDistillation.of(ProgressiveDistillation.of(model, 4), 2)
    assert student.sample(3, trajectory=True, seed=0).shape == (3, 3, 2)
    assert not student.teacher.trainable_variables
    assert len(student.trainable_variables) == len(model.network.weights)


def test_a_student_is_saved_with_its_teacher(tmp_path):
    student = ProgressiveDistillation.of(kgen.Diffusion(kgen.networks.residual_mlp(2, width=8)), 2)
    student.teacher.set_weights([w + 0.1 for w in student.teacher.get_weights()])
    student.save(tmp_path / "student.keras")
    loaded, keys = keras.saving.load_model(tmp_path / "student.keras"), kgen.random.keys(0, 50)
    losses = [array(model.losses_of(data(), None, keys)) for model in (student, loaded)]
    assert losses[0].min() > 0
    np.testing.assert_array_equal(*losses)


def distance(errors, c, gaps):
    return (np.sqrt((errors**2).sum(axis=-1) + c**2) - c) / gaps


def drawn(model, keys, dims=2):
    """The times and the noise that `losses_of` draws."""
    t = array(model.times.sample(model.schedule, kgen.random.fold_in(keys, 0)))
    return t[:, None], array(kgen.random.normal(kgen.random.fold_in(keys, 1), (dims,)))


@pytest.mark.parametrize("halvings", [0, 1, 3])
def test_the_loss_of_consistency_distillation(halvings):
    """f is x_t; the teacher's step shrinks x_t by cos(u_t - u_s), and f leaves it there."""
    teacher = network(Best(*CIRCLE.values(), mean=0.0, std=1.0))
    model = ConsistencyModel(network(Jump()), teacher, halve_every=10, huber=0.1, **CIRCLE)
    model.updates.assign(10 * halvings)
    keys = kgen.random.keys(0, 50)
    t, noise = drawn(model, keys)
    x_t = np.cos(0.5 * np.pi * t) * data() + np.sin(0.5 * np.pi * t) * noise
    gap = 0.5**halvings
    lost = (1.0 - np.cos(0.5 * np.pi * gap * t)) * x_t
    expected = distance(lost, 0.1 * np.sqrt(2.0), gap * t[:, 0])
    np.testing.assert_allclose(
        array(model.losses_of(data(), None, keys)), expected, rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("gap", [1.0, 0.25])
def test_the_loss_of_consistency_training(gap):
    """An untrained network gives 0, so f = a x_t; at s = 0 f is the data, whatever it gives."""
    model = ConsistencyModel(kgen.networks.residual_mlp(2, width=8), gap=gap, **CIRCLE)
    model.updates.assign(10**6)
    keys = kgen.random.keys(0, 50)
    t, noise = drawn(model, keys)

    def f(t):
        return np.cos(0.5 * np.pi * t) * (
            np.cos(0.5 * np.pi * t) * data() + np.sin(0.5 * np.pi * t) * noise
        )

    errors = f(t) - f((1.0 - gap) * t)
    expected = distance(errors, 0.00054 * np.sqrt(2.0), gap * t[:, 0])
    np.testing.assert_allclose(
        array(model.losses_of(data(), None, keys)), expected, rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize(
    "schedule", [diffusion.FlowMatching(), diffusion.Cosine(), diffusion.EDM(), diffusion.VP()]
)
def test_the_first_gap_ends_in_the_data_on_every_schedule(schedule):
    """The loss is then that of a denoiser: finite, and above 0 for a network that knows no data."""
    model = ConsistencyModel(kgen.networks.residual_mlp(2, width=8), schedule=schedule)
    losses = array(model.losses_of(data(), None, kgen.random.keys(0, 50)))
    assert (losses > 0).all()
    assert np.isfinite(losses).all()


def test_each_training_step_counts_towards_the_gap():
    model = ConsistencyModel(kgen.networks.residual_mlp(2, width=8), halve_every=2, gap=0.2)
    model.compile("adam")
    gaps = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: gaps.append(float(model.present_gap()))
    )
    model.fit(data(40), batch_size=20, epochs=3, verbose=0, callbacks=[watch])
    assert gaps == pytest.approx([0.5, 0.25, 0.2])


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_consistent_network_samples_the_data_in_any_number_of_steps(steps):
    samples = ConsistencyModel(network(Jump()), **CIRCLE).sample(2000, steps=steps, seed=0)
    assert abs(samples.mean()) < 4 / np.sqrt(4000)
    assert abs(samples.std() - 1.0) < 4 / np.sqrt(8000)


def test_renoise_on_the_expected_data_leaves_too_little_variety():
    """On the circle the expected data are a x_t: two steps leave the deviation a(1/2) b(1/2) = 1/2."""
    model = kgen.Diffusion(network(Best(*CIRCLE.values(), mean=0.0, std=1.0)), **CIRCLE)
    samples = model.sample(2000, solver=diffusion.Renoise(), steps=2, seed=0)
    assert abs(samples.std() - 0.5) < 4 * 0.5 / np.sqrt(8000)


@pytest.mark.parametrize("schedule", [diffusion.FlowMatching(), diffusion.EDM()], ids=["flow", "EDM"])
def test_reflow_pairs_are_joined_by_the_flow(schedule):
    """For Gaussian data the flow takes z to MEAN + STD z, but for the data left at EDM's t = 1."""
    target = diffusion.Velocity() if schedule == diffusion.FlowMatching() else diffusion.F()
    teacher = kgen.Diffusion(best(schedule, target), schedule, target)
    x, condition = reflow_pairs(teacher, 20, steps=40, grid=diffusion.Karras(), seed=0, batch_size=8)
    np.testing.assert_allclose(x, MEAN + STD * condition["noise"], atol=0.02)
    assert len(np.unique(condition["noise"])) == 40


def test_reflow_pairs_have_their_labels_and_seed():
    schedule, target = diffusion.FlowMatching(), diffusion.Velocity()
    teacher = kgen.Diffusion(best(schedule, target, classes=3), classes=3)
    labels = np.arange(7, dtype="int32") % 3
    first, again = (
        reflow_pairs(teacher, 7, labels=labels, steps=20, seed=1, batch_size=4) for _ in range(2)
    )
    np.testing.assert_array_equal(first.condition["labels"], labels)
    expected = MEAN + labels[:, None] + STD * first.condition["noise"]
    np.testing.assert_allclose(first.x, expected, atol=0.02)
    np.testing.assert_array_equal(first.x, again.x)


def test_a_student_fits_reflow_pairs():
    """An untrained velocity is 0 and its samples are their noise: with that noise nothing is lost."""
    teacher = kgen.Diffusion(kgen.networks.residual_mlp(2, width=8))
    student = kgen.Diffusion(diffusion.student_network(teacher))
    student.compile("adam", jit_compile=True)
    history = student.fit(*reflow_pairs(teacher, 8, steps=2, seed=0), verbose=0).history
    np.testing.assert_allclose(history["loss"], 0.0, atol=1e-8)


def students():
    model = kgen.Diffusion(kgen.networks.residual_mlp(2, width=8))
    return {
        "progressive": ProgressiveDistillation.of(model, 2),
        "consistency": ConsistencyModel.of(model),
    }


@pytest.mark.parametrize("name", ["progressive", "consistency"])
@pytest.mark.parametrize("method", ["log_prob", "encode", "bound"])
def test_a_student_has_no_likelihood(name, method):
    with pytest.raises(NotImplementedError, match="use the model that it learned from"):
        getattr(students()[name], method)(data(2))


MLP = kgen.networks.residual_mlp(2, width=8, depth=1)
TWICE = kgen.networks.residual_mlp(2, width=8, depth=1, channels_out=4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ProgressiveDistillation(MLP, MLP, 0), "steps >= 1, got 0"),
        (
            lambda: ProgressiveDistillation(MLP, MLP, 6, schedule=diffusion.DDPM.linear(10)),
            "at most the 10 steps",
        ),
        (
            lambda: ProgressiveDistillation(
                MLP, MLP, 4, diffusion.Karras(), diffusion.EDM(), diffusion.F()
            ),
            "stops of 4 steps are not among those of 8: take Uniform",
        ),
        (lambda: ProgressiveDistillation(MLP, TWICE, 4), "teacher with the inputs and the output of"),
        (lambda: ConsistencyModel(MLP, TWICE), "teacher with the inputs and the output of"),
        (lambda: ConsistencyModel(MLP, schedule=diffusion.VE()), "VE has noise at t = 0"),
        (lambda: ConsistencyModel(MLP, gap=0.0), r"gap in \(0, 1\]"),
        (lambda: ConsistencyModel(MLP, halve_every=0), "halve_every >= 1"),
        (lambda: ConsistencyModel(MLP, huber=0.0), "huber > 0"),
        (lambda: reflow_pairs(kgen.Diffusion(MLP), 0), "n >= 1 pairs, got 0"),
        (
            lambda: reflow_pairs(kgen.Diffusion(MLP), 5, solver=diffusion.Ancestral()),
            "Ancestral does not join one noise to one sample",
        ),
    ],
    ids=[f"case{i}" for i in range(11)],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_no_gradient_goes_through_what_consistency_training_aims_at():
    """An average of the weights, as long as it is equal to them, gives the same gradient."""
    x, gradients = ops.convert_to_tensor(data(16)), []
    for target_decay in (None, 0.9):
        net = kgen.networks.residual_mlp(2, width=8, depth=1, seed=0)
        random = np.random.default_rng(0)
        net.set_weights([random.normal(0.0, 0.5, w.shape) for w in net.get_weights()])
        model = ConsistencyModel(net, None, halve_every=1, target_decay=target_decay)
        model.updates.assign(2)  # a gap of a quarter: with the first one the aim is the data
        keys = ops.convert_to_tensor(kgen.random.keys(0, 16))

        def loss(model=model, keys=keys):
            return ops.mean(model.losses_of(x, None, keys, training=True)), None

        _, found = kgen.backend.value_and_grad(loss, net.trainable_variables)
        gradients.append([array(g) for g in found])
    for first, second in zip(*gradients, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-6)
