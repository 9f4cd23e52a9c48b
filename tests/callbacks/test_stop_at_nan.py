"""A NaN in the middle of an epoch ends training there, and says in which step it came."""

import keras
import numpy as np
import pytest

import kgen
from kgen.callbacks import Doctor, StopAtNaN
from kgen.callbacks.doctor import NaN
from kgen.runs import Config, Run, read_metrics
from kgen.runs.rewind import DivergenceError


class Root(kgen.GenerativeModel):
    """Its loss is the root of the examples' mean: NaN where they are negative."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.w = self.add_weight(shape=(1,), initializer="ones", name="w")
        self.track("loss")

    def train_step(self, data):
        x, _ = self.unpack(data)
        return self.update_metrics(
            loss=self.minimize(lambda: keras.ops.sqrt(keras.ops.mean(self.w * x)))
        )

    @kgen.core.endpoint
    def generate(self, seed):
        return keras.ops.zeros((keras.ops.shape(seed)[0], 2)) + 0.0 * self.w


@pytest.fixture(scope="module")
def compiled():
    model = Root()
    model.compile(keras.optimizers.SGD(0.0))
    return model


@pytest.fixture
def root(compiled):
    """The model, sound again after the NaN of another test."""
    compiled.w.assign([1.0])
    return compiled


def examples(bad, n=40):
    """Ones in batches of one, that of step `bad` negative; 0: none."""
    x = np.ones((n, 2), "float32")
    x[bad - 1 : bad] = -1.0
    return x


class Count(keras.callbacks.Callback):
    """Counts the steps; Keras then calls every callback in the training's own thread."""

    def __init__(self):
        super().__init__()
        self.steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1


def fit(model, x, *callbacks, **options):
    options = {"epochs": 2, "batch_size": 1, "shuffle": False, "verbose": 0} | options
    return model.fit(x, callbacks=list(callbacks), **options).epoch


@pytest.mark.parametrize("bad", [1, 7, 40])
def test_training_ends_with_the_step_of_the_nan(root, bad):
    stop, count = StopAtNaN(), Count()
    assert fit(root, examples(bad), stop, count) == [0]
    assert stop.step == count.steps == bad


@pytest.mark.parametrize("bad", [1, 7, 40])
def test_beside_the_training_the_step_is_as_exact(root, bad):
    stop = StopAtNaN()
    assert fit(root, examples(bad), stop) == [0]
    assert stop.step == bad


def test_a_healthy_training_goes_on(root):
    stop = StopAtNaN()
    assert fit(root, examples(bad=0), stop) == [0, 1]
    assert stop.step is None


def test_the_next_epoch_starts_again(root):
    stop = StopAtNaN()
    fit(root, examples(bad=3), stop)
    root.w.assign([1.0])
    fit(root, examples(bad=0), stop)
    assert stop.step is None


def test_it_leaves_keras_its_threads():
    """A callback that looks at batches otherwise makes every step of TensorFlow and JAX wait."""
    assert StopAtNaN.async_safe


def test_the_doctor_still_has_its_say(root):
    doctor = Doctor(checks=[NaN()], speak=lambda text: None)
    assert fit(root, examples(bad=3), StopAtNaN(), doctor) == [0]
    (finding,) = doctor.findings
    assert (finding.check, finding.epoch) == ("NaN", 1)


def test_a_run_says_the_epoch_the_step_and_the_last_good_state(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run(Config(run="run", epochs=2))
    good = [*run.callbacks(root, samples=4)]
    fit(root, examples(bad=0), *good, epochs=1)
    message = (
        r"in epoch 2 of run, in step 7: loss NaN or infinite; the state of epoch 1 is intact in "
        r"run/model.keras. Try a smaller learning rate"
    )
    with pytest.raises(DivergenceError, match=message):
        fit(root, examples(bad=7), *run.callbacks(root, samples=4), initial_epoch=1)
    assert [row["epoch"] for row in read_metrics("run")] == ["1"]
