"""Labels that no model can use are refused by every family, with what to do about them."""

import numpy as np
import pytest
from families import cgan

import kgen
from kgen.core.labels import check_labels

LABELS = np.arange(12, dtype="int64") % 3
POINTS = np.linspace(-0.9, 0.9, 24, dtype="float32").reshape(12, 2)
LEVELS = np.full((12, 2, 2, 1), -1.0, "float32")


def autoregressive():
    likelihood = kgen.autoregressive.Categorical()
    options = {"width": 4, "depth": 1, "first_size": 3, "classes": 3}
    network = kgen.networks.pixelcnn((2, 2, 1), likelihood.outputs(), **options)
    return kgen.Autoregressive(network, likelihood, classes=3)


FAMILIES = {
    "gan": (cgan, POINTS),
    "diffusion": (
        lambda: kgen.Diffusion(kgen.networks.residual_mlp(2, 4, 1, classes=3), classes=3),
        POINTS,
    ),
    "flow": (lambda: kgen.flow.RealNVP((2,), layers=1, hidden=(4,), classes=3), POINTS),
    "autoregressive": (autoregressive, LEVELS),
}
MISTAKES = {
    "column": (LABELS[:, None], r"of shape \(12, 1\): labels\[:, 0\]"),
    "one-hot": (np.eye(3)[LABELS], r"of one-hot rows take np.argmax\(labels, axis=-1\)"),
    "floats": (LABELS.astype("float32"), r"got float32 .*: labels.astype\('int32'\)"),
    "negative": (LABELS - 1, r"expected labels 0 \.\.\. 2.*, got -1 at position 0"),
    "too large": (LABELS + 2, r"expected labels 0 \.\.\. 2.*, got (3|4) at position (1|2)"),
    "words": (LABELS.astype(str), "integer labels of shape"),
    "too few": (LABELS[:4], "y of 12 rows, one for each example, got 4"),
    "none": (None, r"fit\(x, (labels|y)\)|needs labels"),
}


@pytest.fixture(scope="module")
def model():
    """A compiled model of a family, made once: what is refused leaves it as it was."""
    made = {}

    def make(name):
        if name not in made:
            made[name] = FAMILIES[name][0]()
            made[name].compile("adam")
        return made[name], FAMILIES[name][1]

    return make


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_labels_of_training_validation_and_evaluation(model, family, mistake):
    (made, x), (labels, message) = model(family), MISTAKES[mistake]
    before = made.get_weights()
    for call in (
        lambda: made.fit(x, labels, verbose=0),
        lambda: made.fit(x, LABELS, validation_data=(x, labels), verbose=0),
        lambda: made.evaluate(x, labels, verbose=0),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert all(np.array_equal(a, b) for a, b in zip(before, made.get_weights(), strict=True))


def test_labels_of_a_stream_are_looked_at_in_its_first_batch():
    made = FAMILIES["diffusion"][0]()
    made.compile("adam")
    batches = kgen.data.Batches(POINTS, LABELS + 7, 4, seed=0)
    with pytest.raises(ValueError, match="expected labels 0"):
        made.fit(batches, verbose=0)


def test_the_label_for_none_is_one_more():
    check_labels(np.array([0, 10]), classes=10, nothing=True)
    with pytest.raises(ValueError, match=r"0 \.\.\. 9, or 10 for no label, got 11 at position 1"):
        check_labels(np.array([0, 11]), classes=10, nothing=True)
