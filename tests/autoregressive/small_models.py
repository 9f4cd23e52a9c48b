"""Small autoregressive models of every kind, with weights from NumPy that are far from zero."""

import itertools

import numpy as np

import kgen
from kgen.autoregressive import Bernoulli, Categorical, LogisticMixture, Tokens
from kgen.networks import gated_pixelcnn, lstm, made, pixelcnn, transformer


def with_weights(network, seed=0):
    """Gives a network weights that NumPy drew: the same on every backend."""
    rng = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        fan_in = np.prod(variable.shape[:-1]) if len(variable.shape) > 1 else 4
        variable.assign((1.5 * rng.normal(size=variable.shape) / np.sqrt(fan_in)).astype("float32"))
    return network


def model_of(network, likelihood, **options):
    return kgen.Autoregressive(with_weights(network), likelihood, **options)


# All their states can be written down: 16 images of 2x2 pixels, 27 texts of three tokens.
TINY = {
    "pixelcnn": lambda: model_of(pixelcnn((2, 2, 1), 1, width=4, depth=1), Bernoulli()),
    "gated_pixelcnn": lambda: model_of(
        gated_pixelcnn((2, 2, 1), 6, width=4, depth=2), LogisticMixture(2, levels=2)
    ),
    "transformer": lambda: model_of(
        transformer((2, 2), 2, vocabulary=2, width=8, depth=1, heads=2), Categorical(2), shape=(2, 2, 1)
    ),
    "text": lambda: model_of(
        transformer((3,), 3, vocabulary=3, width=8, depth=1, heads=2, classes=2), Tokens(3), classes=2
    ),
    "lstm": lambda: model_of(lstm(4, 1, width=4, depth=2), Bernoulli(), shape=(2, 2, 1)),
    "made": lambda: model_of(made(4, 1, hidden=(8,)), Bernoulli(), shape=(2, 2, 1)),
}

# Large enough for kernels to stick out at every side, and for several channels.
WIDER = {
    "pixelcnn": lambda: model_of(
        pixelcnn((5, 6, 1), 1, width=4, depth=2, first_size=5, classes=3), Bernoulli(), classes=3
    ),
    "gated_pixelcnn": lambda: model_of(
        gated_pixelcnn((5, 6, 2), 12, width=4, depth=2, kernel_size=5, classes=3),
        LogisticMixture(2, levels=8),
        classes=3,
    ),
    "transformer": lambda: model_of(
        transformer((2, 3), 8, channels=2, width=8, depth=2, heads=2), Categorical(4), shape=(2, 3, 2)
    ),
    "lstm": lambda: model_of(
        lstm(6, 3, vocabulary=3, width=4, depth=2, classes=3), Tokens(3), classes=3
    ),
    "made": lambda: model_of(made(6, 1, hidden=(8, 3)), Bernoulli(), shape=(2, 3, 1)),
}


def labels_for(model, n, label=None):
    """The labels that a model's endpoints take, as arguments: one for all, or each class in turn."""
    if model.classes is None:
        return []
    return [np.full(n, label, "int32") if label is not None else np.arange(n, dtype="int32") % 3]


def states(model):
    """Every example that a tiny model can produce, in the order of their numbers."""
    levels = range(model.likelihood.levels)
    index = np.array(list(itertools.product(levels, repeat=model.positions)))
    values = index if model.integers else 2.0 * index / (model.likelihood.levels - 1) - 1.0
    return values.reshape(-1, *model.shape).astype("int32" if model.integers else "float32")


def number_of(model, x):
    """The number of each example in the order of `states`."""
    index = x if model.integers else np.rint((x + 1) * (model.likelihood.levels - 1) / 2)
    powers = model.likelihood.levels ** np.arange(model.positions)[::-1]
    return (index.reshape(len(x), -1) @ powers).astype("int64")
