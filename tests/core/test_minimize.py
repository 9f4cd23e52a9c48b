"""One backward pass for several parts, each with its own optimizer."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen

pytestmark = pytest.mark.every_backend

X = np.random.default_rng(0).normal(size=(32, 2)).astype("float32")


class Pair(kgen.GenerativeModel):
    """Two networks with a loss each, trained together or one after the other."""

    def __init__(self, together, coupled=False, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = (kgen.networks.mlp(2, 2, (4,), seed=i) for i in range(2))
        self.together, self.coupled = together, coupled
        self.track("loss")

    @property
    def parts(self):
        return {"first": self.first, "second": self.second}

    def train_step(self, data):
        x, _ = self.unpack(data)

        def one():
            return ops.mean((self.first(x, training=True) - 1.0) ** 2)

        def other():
            return ops.mean(ops.abs(self.second(x, training=True) + x))

        def cycle():
            return ops.mean((self.second(self.first(x)) - x) ** 2)

        if self.coupled:
            return self.update_metrics(loss=self.minimize(cycle, "second", "first"))
        if self.together:
            loss, _ = self.minimize(lambda: (one() + other(), {}), "first", "second")
        else:
            loss = self.minimize(one, "first") + self.minimize(other, "second")
        return self.update_metrics(loss=loss)


def trained(dtype=None, epochs=2, **options):
    model = Pair(**options, **({} if dtype is None else {"dtype": dtype}))
    rates = {"first": keras.optimizers.Adam(0.01), "second": keras.optimizers.SGD(0.1, momentum=0.9)}
    model.compile(rates, jit_compile=keras.backend.backend() != "tensorflow")
    losses = model.fit(X, batch_size=16, epochs=epochs, shuffle=False, verbose=0).history["loss"]
    return model, losses


def weights_of(model):
    return [*model.first.get_weights(), *model.second.get_weights()]


@pytest.mark.parametrize("dtype", [None, "mixed_float16"])
def test_two_losses_at_once_are_two_steps(dtype):
    (once, losses), (twice, expected) = (trained(dtype, together=t) for t in (True, False))
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for found, weight in zip(weights_of(once), weights_of(twice), strict=True):
        np.testing.assert_allclose(found, weight, rtol=1e-5, atol=1e-6)
    assert int(ops.convert_to_numpy(once.optimizer.iterations)) == 4


def test_each_part_of_a_shared_loss_is_stepped_by_its_own_optimizer():
    """From the same weights the loss of a cycle moves each part as if it were alone."""
    model = Pair(together=True, coupled=True)
    before = [np.array(w) for w in weights_of(model)]
    rates = {"first": 0.1, "second": 0.01}
    model.compile({name: keras.optimizers.SGD(rate) for name, rate in rates.items()})
    model.fit(X, batch_size=32, verbose=0)
    moved = [a - b for a, b in zip(before, weights_of(model), strict=True)]
    slopes = gradients_of_the_cycle(before)
    count = len(model.first.trainable_variables)
    for i, (step, slope) in enumerate(zip(moved, slopes, strict=False)):
        np.testing.assert_allclose(step, (0.1 if i < count else 0.01) * slope, rtol=1e-3, atol=1e-6)


def gradients_of_the_cycle(weights):
    """By hand: two layers of ReLU and Dense each, and the mean squared error."""
    w1, b1, w2, b2, w3, b3, w4, b4 = [w.astype("float64") for w in weights]
    h1 = np.maximum(X @ w1 + b1, 0)
    y = h1 @ w2 + b2
    h2 = np.maximum(y @ w3 + b3, 0)
    d4 = 2 * (h2 @ w4 + b4 - X) / X.size
    d3 = (d4 @ w4.T) * (h2 > 0)
    d2 = d3 @ w3.T
    d1 = (d2 @ w2.T) * (h1 > 0)
    inputs = zip((X, h1, y, h2), (d1, d2, d3, d4), strict=True)
    return [g for x, d in inputs for g in (x.T @ d, d.sum(axis=0))]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((), r"expected one of \['first', 'second'\]"),
        (("third",), "unknown part 'third'"),
        (("first", "first"), "each once"),
    ],
)
def test_parts_that_are_not_there(parts, message):
    model = Pair(together=True)
    model.compile("sgd")
    with pytest.raises(ValueError, match=message):
        model.minimize(lambda: 0.0, *parts)
