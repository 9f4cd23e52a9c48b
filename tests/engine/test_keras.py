"""All of Keras keeps working: kinds of data, callbacks, precisions, clipping, summaries."""

import warnings
from functools import partial

import keras
import numpy as np
import pytest
from families import Family, dcgan, named, toy_data

import kgen

BACKEND = keras.backend.backend()


# One critic step: each is compiled anew for every precision.
MIXED = {
    "dcgan": Family("dcgan", partial(dcgan, critic_steps=1), (8, 8, 1), None),
    "vae": named("vae"),
}


@pytest.fixture(params=[named("gan"), named("vae")], ids=lambda family: family.name)
def family(request):
    return request.param


@pytest.fixture
def model(family):
    model = family.make()
    model.compile(keras.optimizers.Adam(0.01))
    return model


class Dataset(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return (self.x[16 * index : 16 * index + 16],)


def as_tf_data(x):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(x).batch(16)


def as_data_loader(x):
    import torch

    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(x)), batch_size=16)


KINDS = {
    "array": lambda x: x,
    "tf.data": as_tf_data,
    "DataLoader": as_data_loader,
    "PyDataset": Dataset,
    "Batches": lambda x: kgen.data.Batches(x, batch_size=16, shuffle=False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_data_give_the_same_losses(family, kind):
    x = toy_data(family)
    losses = {}
    for name in ("array", kind):
        keras.utils.set_random_seed(0)
        model = family.make()
        model.compile(keras.optimizers.Adam(0.01))
        history = model.fit(
            KINDS[name](x),
            batch_size=16 if name == "array" else None,
            shuffle=False,
            validation_data=KINDS[name](x),
            verbose=0,
        )
        losses[name] = history.history
    expected = {key: pytest.approx(values, rel=1e-5) for key, values in losses["array"].items()}
    # Keras evaluates arrays in batches of 32 where none is given: means over examples agree.
    assert losses[kind] == expected


def test_labels_that_an_unconditional_model_would_drop_are_refused(model, family):
    x = toy_data(family)
    labels = np.zeros(len(x), "int32")
    batches = kgen.data.Batches(x, labels, 16)
    stream = (pair for pair in [(x[:16], labels[:16])])
    for data in ((x, labels), (batches,), (stream,)):
        with pytest.raises(ValueError, match=r"unconditional, .*call fit\(x\) without y"):
            model.fit(*data, batch_size=None if len(data) == 1 else 16, verbose=0)


def test_model_checkpoint_and_early_stopping(model, family, tmp_path):
    x = toy_data(family)
    name = f"val_{next(iter(model.trackers))}"
    callbacks = [
        keras.callbacks.ModelCheckpoint(
            tmp_path / "best.keras", monitor=name, mode="min", save_best_only=True
        ),
        keras.callbacks.EarlyStopping(name, min_delta=1e9, mode="min", restore_best_weights=True),
        keras.callbacks.TerminateOnNaN(),
    ]
    history = model.fit(
        x, batch_size=16, epochs=5, validation_data=(x,), callbacks=callbacks, verbose=0
    )
    assert len(history.epoch) < 5
    assert keras.saving.load_model(tmp_path / "best.keras").sample(2, seed=0).shape[0] == 2


def test_backup_and_restore(model, family, tmp_path):
    class Crash(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise RuntimeError("crash")

    x = toy_data(family)
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(RuntimeError, match="crash"):
        model.fit(x, batch_size=16, epochs=3, callbacks=[backup, Crash()], verbose=0)
    again = family.make()
    again.compile(keras.optimizers.Adam(0.01))
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    history = again.fit(x, batch_size=16, epochs=3, callbacks=[backup], verbose=0)
    assert history.epoch == [2]


def test_tensorboard(model, family, tmp_path):
    x = toy_data(family)
    model.fit(x, batch_size=16, callbacks=[keras.callbacks.TensorBoard(tmp_path)], verbose=0)
    assert list(tmp_path.rglob("events*"))


def test_learning_rate_callbacks_reach_every_member(model, family):
    x = toy_data(family)
    callbacks = [keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5 * rate)]
    model.fit(x, batch_size=16, epochs=2, callbacks=callbacks, verbose=0)
    rates = [float(model._optimizer(name).learning_rate) for name in model.parts]
    assert rates == pytest.approx([0.0025] * len(rates))


def test_reduce_on_plateau(model, family):
    x = toy_data(family)
    name = next(iter(model.trackers))
    callback = keras.callbacks.ReduceLROnPlateau(
        name, factor=0.1, patience=1, min_delta=1e9, mode="min"
    )
    model.fit(x, batch_size=16, epochs=3, callbacks=[callback], verbose=0)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.0001)


def test_a_schedule(family):
    model = family.make()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 1, 0.5)
    model.compile(keras.optimizers.Adam(schedule))
    model.fit(toy_data(family), batch_size=16, verbose=0)
    steps = 3 * getattr(model, "critic_steps", 1)
    rate = model._optimizer(next(iter(model.parts))).learning_rate
    assert float(keras.ops.convert_to_numpy(rate)) == pytest.approx(0.01 * 0.5**steps)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("jit", [False, True], ids=["auto", "jit"])
@pytest.mark.parametrize("family", MIXED.values(), ids=MIXED)
def test_mixed_precision(family, policy, jit, tmp_path):
    keras.config.set_dtype_policy(policy)
    model = family.make()
    model.compile(keras.optimizers.Adam(1e-3), jit_compile=jit or "auto")
    before = np.array(model.trainable_variables[0].numpy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = model.fit(toy_data(family), batch_size=16, epochs=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in history.values())
    assert not np.array_equal(before, model.trainable_variables[0].numpy())
    assert model.trainable_variables[0].dtype == "float32"
    scaled = isinstance(model._optimizer(next(iter(model.parts))), keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.sample(2, seed=0), model.sample(2, seed=0))
    assert loaded.sample(2, seed=0).dtype == np.float32


def test_float16_skips_a_step_whose_gradient_overflows(family):
    """A loss scale beyond float16 gives infinities: the weights stay, the scale is halved."""
    keras.config.set_dtype_policy("mixed_float16")
    model = family.make()
    model.compile(
        keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01), initial_scale=2.0**40)
    )
    before = [np.array(v.numpy()) for v in model.trainable_variables]
    model.fit(toy_data(family), batch_size=48, verbose=0)
    after = [v.numpy() for v in model.trainable_variables]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    optimizer = model._optimizer(next(iter(model.parts)))
    expected = 2.0 ** (40 - getattr(model, "critic_steps", 1))
    assert float(optimizer.dynamic_scale) == expected


def test_gradient_clipping_bounds_the_step(family):
    model = family.make()
    model.compile(keras.optimizers.SGD(1.0, clipnorm=1e-6))
    before = [np.array(v.numpy()) for v in model.trainable_variables]
    model.fit(toy_data(family), batch_size=48, verbose=0)
    steps = [
        np.abs(v.numpy() - b).max() for v, b in zip(model.trainable_variables, before, strict=True)
    ]
    assert 0 < max(steps) < 1e-5


def fit_three_steps_at_once(family):
    model = family.make()
    model.compile("adam", steps_per_execution=3)
    return model.fit(toy_data(family), batch_size=16, verbose=0).history


if BACKEND == "torch":  # Keras has none there

    def test_steps_per_execution_is_refused(family):
        with pytest.raises(ValueError, match="steps_per_execution"):
            fit_three_steps_at_once(family)

else:

    def test_steps_per_execution(family):
        assert np.isfinite(list(fit_three_steps_at_once(family).values())).all()


def test_a_second_compile_and_fit(model, family):
    x = toy_data(family)
    model.fit(x, batch_size=16, verbose=0)
    model.compile(keras.optimizers.SGD(0.001))
    assert np.isfinite(list(model.fit(x, batch_size=16, verbose=0).history.values())).all()


def test_train_on_batch_and_test_on_batch(model, family):
    x = toy_data(family)
    assert np.isfinite(model.train_on_batch(x)).all()
    assert np.isfinite(model.test_on_batch(x)).all()


def test_summary_names_the_networks(model, capsys):
    lines = []
    model.summary(print_fn=lambda text, line_break=False: lines.append(text))
    text = "\n".join(lines)
    assert all(part.name in text for part in model.parts.values() if part is not model)
    assert "Total params" in text


def test_sampling_inside_a_batch_callback_sees_the_present_weights(model, family):
    samples = []

    class Sample(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            samples.append(self.model.sample(2, seed=0))

    model.fit(toy_data(family), batch_size=16, verbose=0, callbacks=[Sample()])
    assert len(samples) == 3
    np.testing.assert_allclose(samples[-1], model.sample(2, seed=0), atol=1e-6)
    assert np.abs(samples[0] - samples[-1]).max() > 0
