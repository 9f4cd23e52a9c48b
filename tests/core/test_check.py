"""Bad data is refused with a message that says how to mend it, and the model stays as it was."""

import keras
import numpy as np
import pytest
from families import FAMILIES, dcgan, gan, toy_data

IMAGES = toy_data(FAMILIES[1])
NAN = IMAGES.copy()
NAN[7, 0, 0, 0] = np.nan

CASES = {
    "uint8": (
        ((IMAGES + 1) * 127.5).astype("uint8"),
        r"images in \[-1, 1\] of shape \(batch, 8, 8, 1\), got uint8: "
        "divide by 127.5 and subtract 1",
    ),
    "standardised": (IMAGES * 3, r"values in \[-.*\]: rescale it to \[-1, 1\]"),
    "0 to 255": ((IMAGES + 1) * 127.5, "divide by 127.5 and subtract 1"),
    "NaN": (NAN, "1 NaN or infinite values, the first in example 7"),
    "rank": (IMAGES[..., 0], r"got shape \(batch, 8, 8\): add the channel axis"),
    "channels": (np.repeat(IMAGES, 3, axis=-1), r"got shape \(batch, 8, 8, 3\)"),
    "channels first": (np.moveaxis(IMAGES, -1, 1), "channels come last"),
    "size": (IMAGES[:, :4], r"got shape \(batch, 4, 8, 1\)"),
    "empty": (IMAGES[:0], "empty data set"),
    "integers": (IMAGES.astype("int32"), "got int32: convert it to float32"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_images(case):
    x, message = CASES[case]
    model = dcgan()
    model.compile("adam")
    before = model.sample(2, seed=0)
    with pytest.raises(ValueError, match=message):
        model.fit(x, batch_size=16, verbose=0)
    np.testing.assert_array_equal(model.sample(2, seed=0), before)
    assert np.isfinite(list(model.fit(IMAGES, batch_size=48, verbose=0).history.values())).all()


def test_an_error_inside_the_step_leaves_the_weights(monkeypatch):
    """On JAX `fit` takes the weights out of the model before the first step."""
    model = gan()
    model.compile("adam")
    before = model.get_weights()

    def fail(data):
        raise RuntimeError("inside the step")

    monkeypatch.setattr(model, "unpack", fail)
    with pytest.raises(RuntimeError, match="inside the step"):
        model.fit(toy_data(FAMILIES[0]), verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_bad_streams_are_refused_at_their_first_batch():
    class Stream(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return (np.full((16, 8, 8, 1), 3.0, "float32"),)

    model = dcgan()
    model.compile("adam")
    with pytest.raises(ValueError, match=r"values in \[3, 3\]"):
        model.fit(Stream(), verbose=0)


@pytest.mark.parametrize(
    ("name", "weights"), [("sample_weight", np.ones(48)), ("class_weight", {0: 1.0})]
)
def test_weights_of_examples_are_refused(name, weights):
    model = gan()
    model.compile("adam")
    x = toy_data(FAMILIES[0])
    with pytest.raises(ValueError, match=f"take no {name}: drop it, or resample"):
        model.fit(x, np.zeros(len(x)), **{name: weights}, verbose=0)


def test_networks_without_weights_are_refused_by_compile():
    import kgen

    class Lazy(kgen.GenerativeModel):
        def __init__(self):
            super().__init__()
            self.network = keras.Sequential([keras.layers.Dense(1)])

        @property
        def parts(self):
            return {"network": self.network}

    with pytest.raises(ValueError, match="'network' has no weights yet"):
        Lazy().compile("adam")


def test_an_untracked_metric_is_refused():
    model = gan()
    with pytest.raises(ValueError, match=r"\['accuracy'\] are not tracked"):
        model.update_metrics(accuracy=1.0)
