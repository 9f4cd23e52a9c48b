"""When the doctor speaks, what it keeps, and which checks it chooses."""

import math

import keras
import pytest
from families import gan, named, toy_data, vae

from kgen.callbacks import Doctor, Finding
from kgen.callbacks.doctor import Check
from kgen.errors import UserError
from kgen.runs.doctor_file import read_doctor, write_doctor

X = toy_data(named("gan"))


class Fever(Check):
    """Finds a temperature above 37."""

    name = "fever"

    def __init__(self, temperatures, patience=1, last_word=False):
        self.temperatures = iter(temperatures)
        self.patience = patience
        self.last_word = last_word

    def fits(self, model):
        return True

    def look(self, model, logs, epoch):
        excess = next(self.temperatures) - 37
        if excess <= 0:
            return None
        return Finding(self.name, epoch, f"{excess} too many", "it is ill", "rest", excess)


def watch(*checks, epochs=5, **options):
    doctor = Doctor(checks=checks, **options)
    doctor.set_model(vae())
    doctor.on_train_begin()
    for epoch in range(epochs):
        doctor.on_epoch_end(epoch, {})
    return [finding.epoch for finding in doctor.findings]


@pytest.mark.parametrize(
    ("temperatures", "patience", "spoken"),
    [
        ([37, 38, 38, 38, 38], 1, [2]),
        ([37, 38, 39, 40, 41], 1, [2, 3, 5]),
        ([38, 37, 38, 38, 37], 2, [4]),
        ([36, 37, 36, 37, 36], 1, []),
    ],
    ids=["once", "again when twice as severe", "twice in a row", "healthy"],
)
def test_it_speaks_once_and_again_where_it_worsens(temperatures, patience, spoken):
    said = []
    assert watch(Fever(temperatures, patience), speak=said.append) == spoken
    assert len(said) == len(spoken)


def test_it_says_what_it_saw_what_that_means_and_what_to_try():
    with pytest.warns(UserWarning) as caught:
        watch(Fever([38]), epochs=1)
    assert str(caught[0].message) == ("fever in epoch 1: 1 too many. It means: it is ill. Try: rest.")


def test_every_second_epoch():
    assert watch(Fever([37, 38]), every=2, speak=str) == [4]


def test_every_zeroth_epoch_is_refused():
    with pytest.raises(ValueError, match="every >= 1, got 0"):
        Doctor(every=0)


def test_a_last_word_ends_the_look():
    later = Fever([38])
    watch(Fever([38], last_word=True), later, epochs=1, speak=str)
    assert next(later.temperatures) == 38


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (gan, ["NaN", "divergence", "discriminator saturation", "mode collapse"]),
        (vae, ["NaN", "divergence", "overfitting", "mode collapse", "posterior collapse"]),
    ],
    ids=["gan", "vae"],
)
def test_the_checks_are_those_that_fit_the_model(make, names):
    model = make()
    model.compile("adam")
    doctor = Doctor(X)
    model.fit(X, verbose=0, callbacks=[doctor])
    assert [check.name for check in doctor.checks] == names


def test_findings_are_kept_and_not_repeated_by_a_resumed_run(tmp_path):
    write_doctor(tmp_path, rewinds=[{"epoch": 1}])
    assert watch(Fever([38] * 5), path=tmp_path, speak=str) == [1]
    assert watch(Fever([38] * 5), path=tmp_path, speak=str) == [1]
    kept = read_doctor(tmp_path)
    assert [finding["check"] for finding in kept["findings"]] == ["fever"]
    assert kept["rewinds"] == [{"epoch": 1}]


def test_a_damaged_file_is_said(tmp_path):
    (tmp_path / "doctor.json").write_text("{")
    with pytest.raises(UserError, match=r"doctor.json is damaged .* put a copy back, or remove it"):
        read_doctor(tmp_path)


def test_a_finding_is_json():
    finding = Finding("fever", 1, "saw", "means", "advice", 1.0)
    assert Finding(**finding.to_dict()) == finding
    assert math.isfinite(finding.severity)


def test_it_is_a_keras_callback():
    assert issubclass(Doctor, keras.callbacks.Callback)
