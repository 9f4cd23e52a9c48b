"""`--on-nan rewind`: back to the last good state, with lower learning rates, and exact resume."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from families import gan, named, toy_data, vae

import kgen
from kgen.core.learning_rate import ScaledSchedule, scale_learning_rate
from kgen.errors import UserError
from kgen.runs import Config, Run, load_model, read_metrics, train
from kgen.runs.doctor_file import read_doctor
from kgen.runs.rewind import DivergenceError, read_rewinds

X = toy_data(named("gan"))


@pytest.fixture(autouse=True)
def _own_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@dataclasses.dataclass(frozen=True)
class Options(Config):
    epochs: int = 4
    batch_size: int = 16
    on_nan: str = "rewind"
    run: str = "run"


class Poison(keras.callbacks.Callback):
    """Spoils a weight in the middle of an epoch, as long as the learning rate is too high."""

    def __init__(self, epoch, above):
        super().__init__()
        self.bad_epoch, self.above = epoch, above

    def on_epoch_begin(self, epoch, logs=None):
        if epoch + 1 == self.bad_epoch and _rates(self.model)[0] > self.above:
            bias = next(iter(self.model.parts.values())).trainable_variables[-1]
            bias.assign(np.full(bias.shape, np.nan, "float32"))


def recipe(make=vae, optimizer=lambda: keras.optimizers.SGD(0.01), poison=(3, 0.006), stop=None):
    """A recipe; `stop`: raises KeyboardInterrupt in that epoch."""

    def main(config):
        keras.utils.set_random_seed(config.seed)
        run = Run(config)
        batches = kgen.data.Batches(X, batch_size=config.batch_size, seed=config.seed)
        model = make()
        model.compile(optimizer())
        run.restore(model, batches)
        interrupt = keras.callbacks.LambdaCallback(on_epoch_begin=lambda e, _: _interrupt(e, stop))
        model.fit(
            batches,
            epochs=config.epochs,
            initial_epoch=run.epoch,
            verbose=0,
            callbacks=[Poison(*poison), interrupt, *run.callbacks(model, samples=8)],
        )

    return main


def _interrupt(epoch, stop):
    if epoch + 1 == stop:
        raise KeyboardInterrupt


def _rates(model):
    members = getattr(model.optimizer, "members", {"model": model.optimizer}).values()
    return [float(keras.ops.convert_to_numpy(member.learning_rate)) for member in members]


def _learned(path):
    model = load_model(path)
    return [np.array(v.numpy()) for v in (*model.weights, *model.optimizer.variables)]


@pytest.mark.every_backend
def test_a_run_goes_back_and_on(capsys):
    train(recipe(), Options())
    assert [row["epoch"] for row in read_metrics("run")] == ["1", "2", "3", "4"]
    (rewind,) = read_rewinds("run")
    assert (rewind.epoch, rewind.to, rewind.factor) == (3, 2, 0.5)
    assert _rates(load_model("run")) == pytest.approx([0.005])
    assert (
        "training diverged in epoch 3: back to the state of epoch 2, with 0.5 times the learning rate "
        "(rewind 1 of 3)"
    ) in capsys.readouterr().err


class Parabola(kgen.GenerativeModel):
    """Minimises w^2 by w <- (1 - 2 rate) w, which diverges where the rate is above 1."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.w = self.add_weight(shape=(1,), initializer="ones", name="w")
        self.track("loss")

    def train_step(self, data):
        self.unpack(data)
        return self.update_metrics(loss=self.minimize(lambda: keras.ops.sum(self.w**2)))

    @kgen.core.endpoint
    def generate(self, seed):
        return keras.ops.zeros((keras.ops.shape(seed)[0], 2)) + 0.0 * self.w


def test_a_rate_that_is_too_high_is_found_in_the_middle_of_an_epoch():
    """At 1.2 the weight grows by 1.4 a step: w^2 overflows after 132, in epoch 3 of 48 steps. At 0.6
    it shrinks by -0.2 a step. The sum of the losses, twice as large as the last, overflows a step
    earlier, in step 36 of epoch 3."""
    main = recipe(Parabola, lambda: keras.optimizers.SGD(1.2), poison=(9, 0.0))
    train(main, Options(batch_size=1))
    (rewind,) = read_rewinds("run")
    assert (rewind.epoch, rewind.to) == (3, 2)
    assert rewind.saw == (
        "training diverged in epoch 3 of run, in step 36: loss NaN or infinite; the state of epoch 2 "
        "is intact in run/model.keras. Try a smaller learning rate"
    )
    assert float(read_metrics("run")[-1]["loss"]) < 1e-6


def test_without_a_state_it_starts_again():
    train(recipe(poison=(1, 0.006)), Options(epochs=2))
    assert read_rewinds("run")[0].to == 0
    assert _rates(load_model("run")) == pytest.approx([0.005])


def test_several_rewinds_multiply():
    train(recipe(poison=(2, 0.003)), Options())
    assert [rewind.to for rewind in read_rewinds("run")] == [1, 1]
    assert _rates(load_model("run")) == pytest.approx([0.0025])


def test_stop_is_the_default_and_leaves_the_state():
    with pytest.raises(
        DivergenceError, match=r"diverged in epoch 3 of run.*state of epoch 2 is intact"
    ):
        train(recipe(), Options(on_nan="stop"))
    assert read_doctor("run")["rewinds"] == []
    assert kgen.runs.finished_epochs("run") == 2


def test_a_stopped_run_may_be_resumed_with_rewind():
    with pytest.raises(DivergenceError):
        train(recipe(), Options(on_nan="stop"))
    train(recipe(), Options(resume=True))
    assert kgen.runs.finished_epochs("run") == 4


def test_after_three_rewinds_it_ends_with_the_error():
    with pytest.raises(UserError, match=r"diverged in epoch 2.*taken back 3 times already, to 0.125"):
        train(recipe(poison=(2, 0.0)), Options())
    assert kgen.runs.finished_epochs("run") == 1
    assert len(read_rewinds("run")) == 3


def cosine(rate):
    return keras.optimizers.schedules.CosineDecay(rate, 100)


def two_rates():
    return {
        "discriminator": keras.optimizers.Adam(cosine(0.02)),
        "generator": keras.optimizers.SGD(0.01),
    }


@pytest.mark.every_backend
def test_every_optimizer_of_a_group_goes_down_numbers_and_schedules():
    train(recipe(gan, two_rates, poison=(3, 0.011)), Options())
    discriminator, generator = _rates(load_model("run"))
    assert generator == pytest.approx(0.005)
    step = 4 * len(X) // 16
    assert discriminator == pytest.approx(0.5 * 0.02 * 0.5 * (1 + np.cos(np.pi * step / 100)), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "optimizer", "poison"),
    [
        (vae, lambda: keras.optimizers.Adam(0.01), (3, 0.006)),
        (gan, two_rates, (3, 0.011)),
    ],
    ids=["number", "group"],
)
@pytest.mark.parametrize("stop", [3, 4])
def test_a_run_resumed_after_a_rewind_ends_where_the_other_would_have(make, optimizer, poison, stop):
    train(recipe(make, optimizer, poison), Options(run="whole"))
    with pytest.raises(KeyboardInterrupt):
        train(_interrupted_after_the_rewind(make, optimizer, poison, stop), Options())
    train(recipe(make, optimizer, poison), Options(resume=True))
    for expected, value in zip(_learned("whole"), _learned("run"), strict=True):
        np.testing.assert_array_equal(value, expected)
    assert read_rewinds("run")[0].to == read_rewinds("whole")[0].to == 2


def _interrupted_after_the_rewind(make, optimizer, poison, stop):
    def main(config):
        rewound = Path("run/doctor.json").exists()
        recipe(make, optimizer, poison, stop if rewound else None)(config)

    return main


def test_nan_in_the_weights_alone_never_becomes_the_state():
    class Late(kgen.VAE):
        def save(self, path, **options):
            self.encoder.layers[-1].bias.assign(np.full(4, np.nan, "float32"))
            super().save(path, **options)

    def make():
        model = vae()
        model.__class__ = Late
        return model

    with pytest.raises(DivergenceError, match=r"1 weights .* NaN or infinite; no epoch was finished"):
        train(recipe(make, poison=(9, 0.0)), Options(on_nan="stop"))
    assert not Path("run/model.keras").exists()


def test_a_learning_rate_that_is_a_function_cannot_be_scaled():
    adam = keras.optimizers.Adam(constant_rate)
    with pytest.raises(ValueError, match="learning rate of Adam is a Python function"):
        scale_learning_rate(adam, 0.5, 0.5)


@keras.saving.register_keras_serializable("test")
def constant_rate():
    return 0.1


def test_a_loss_scale_optimizer_is_scaled_inside():
    adam = keras.optimizers.Adam(0.25)
    scale_learning_rate(keras.optimizers.LossScaleOptimizer(adam), 0.5, 1.0)
    assert float(adam.learning_rate.numpy()) == 0.125


def test_a_scaled_schedule_is_saved_with_its_optimizer():
    adam = keras.optimizers.Adam(ScaledSchedule(cosine(0.02), 0.25))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(adam))
    assert float(keras.ops.convert_to_numpy(again.learning_rate)) == pytest.approx(0.005)


def test_an_unknown_choice_is_refused(capsys):
    with pytest.raises(SystemExit):
        kgen.runs.cli(recipe(), Config, ["--on-nan", "pray"])
    assert "on-nan" in capsys.readouterr().err
