"""Evaluation while a model trains, and training for a number of minutes."""

import struct

import keras
import numpy as np
import pytest

import kgen
from kgen.callbacks import Evaluate, EventFile, StopAfter
from kgen.data.toys import ring8
from kgen.metrics import Evaluator, suites

RING = kgen.data.load("ring8", size=256)
POINTS = (suites.modes(ring8),)


def gan(**options):
    model = kgen.GAN(kgen.networks.mlp(2, 2, (8,)), kgen.networks.mlp(2, 1, (8,)), **options)
    model.compile("adam")
    return model


def evaluate(**options):
    return Evaluate(Evaluator(RING, metrics=POINTS, samples=800, bounds=False), **options)


def fit(model, *callbacks, epochs=5):
    return model.fit(
        RING.x, batch_size=128, epochs=epochs, verbose=0, callbacks=list(callbacks)
    ).history


def test_values_reach_the_logs_after_the_first_the_kth_and_the_last_epoch():
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch + 1, "modes_covered" in logs))
    )
    fit(gan(), evaluate(every=3), look, epochs=5)
    assert seen == [(1, True), (2, False), (3, True), (4, False), (5, True)]


def test_early_stopping_and_csv_files_see_the_values(tmp_path):
    stop = keras.callbacks.EarlyStopping("high_quality_share", patience=0, mode="max", baseline=2.0)
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = fit(gan(), evaluate(), log, stop)
    assert len(history["high_quality_share"]) == 2  # of five: patience counts from the first
    assert "mode_reverse_kl" in (tmp_path / "log.csv").read_text().splitlines()[0]


def test_the_samples_are_those_of_the_averaged_weights():
    model, callback = gan(ema_decay=0.999), evaluate()
    fit(model, callback, epochs=2)
    expected = callback.evaluator(model.sample(800, seed=0))
    assert [card.value for card in callback.cards] == [card.value for card in expected]


def test_evaluating_changes_nothing_in_the_training():
    histories = []
    for callbacks in ([], [evaluate()]):
        keras.utils.set_random_seed(3)
        histories.append(fit(gan(), *callbacks, epochs=3)["generator_loss"])
    assert histories[0] == histories[1]


def test_a_model_that_cannot_be_measured_trains_on():
    def refuse(given):
        raise ValueError("all samples are identical")

    callback = Evaluate(Evaluator(RING, metrics=[refuse], samples=100))
    with pytest.warns(UserWarning, match="no evaluation after epoch 1: all samples are identical"):
        history = fit(gan(), callback, epochs=2)
    assert len(history["generator_loss"]) == 2


@pytest.mark.parametrize("options", [{"every": 0}, {"images": 0}])
def test_bad_options_are_refused(options):
    with pytest.raises(ValueError, match="expected every >= 1 and images >= 1"):
        evaluate(**options)


@pytest.mark.slow
def test_image_features_run_on_this_backend():
    images = kgen.data.load("fashion_mini", "test", size=64)
    cards = Evaluator(images, metrics=(suites.frechet, suites.classes), bounds=False)(-images.x[::-1])
    assert [card.metric for card in cards] == ["frechet_distance", "inception_score"]
    assert {card.features for card in cards} == {"fashion_classifier"}
    assert len(cards[0].features_sha256) == 64


def events(path):
    """Reads a file of TensorBoard: length, its checksum, an event, its checksum."""
    from tensorboard.compat.proto.event_pb2 import Event

    content, found = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        found.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return found


def test_tensorboard_gets_scalars_and_samples(tmp_path):
    callback = evaluate(tensorboard=tmp_path / "board", images=9)
    fit(gan(), callback, epochs=1)
    (file,) = (tmp_path / "board").iterdir()
    version, scalars, samples = events(file)
    assert version.file_version == "brain.Event:2"
    values = {value.tag: value.simple_value for value in scalars.summary.value}
    assert values == pytest.approx({card.metric: card.value for card in callback.cards}, rel=1e-6)
    image = samples.summary.value[0].image
    assert (samples.step, image.width, image.height) == (1, 400, 400)
    assert image.encoded_image_string.startswith(b"\x89PNG")


def test_without_tensorboard_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboard.summary.writer.record_writer", None)
    with pytest.raises(ImportError, match=r'needs its package: pip install "kgen\[eval\]"'):
        EventFile(tmp_path)


def watch(monkeypatch, seconds):
    """A clock that moves on by so many seconds from an epoch's beginning to its end."""
    times = iter(np.cumsum([0, 0, *[seconds, 1000] * 50]).tolist())
    monkeypatch.setattr("kgen.callbacks.stop_after.time.perf_counter", lambda: next(times))


@pytest.mark.parametrize(("seconds", "epochs"), [(60, 2), (50, 2), (45, 3), (300, 1)])
def test_training_stops_at_the_epoch_nearest_to_the_minutes(monkeypatch, seconds, epochs):
    watch(monkeypatch, seconds)
    callback = StopAfter(2)
    assert len(fit(gan(), callback, epochs=9)["generator_loss"]) == epochs
    assert (callback.seconds, callback.spent) == (seconds, seconds * epochs)


def test_what_was_spent_before_counts(monkeypatch):
    watch(monkeypatch, 30)
    assert len(fit(gan(), StopAfter(2, spent=60.0), epochs=9)["generator_loss"]) == 2


def test_no_minutes_are_no_limit():
    assert len(fit(gan(), StopAfter(None), epochs=2)["generator_loss"]) == 2


def test_negative_minutes_are_refused():
    with pytest.raises(ValueError, match="expected minutes > 0, got -1"):
        StopAfter(-1)
