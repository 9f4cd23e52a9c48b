"""What a model has learned, as NumPy arrays that stay what they are."""

import keras
import numpy as np


def trained_weights(model: keras.Model) -> dict[str, list[np.ndarray]]:
    """What each part of a model trains, in order."""
    parts = model.parts.items()
    return {name: [np.array(v.numpy()) for v in part.trainable_variables] for name, part in parts}


def float_weights(model: keras.Model) -> list[np.ndarray]:
    """All weights, averages and statistics; not the counts of random streams."""
    return [np.array(v.numpy()) for v in model.weights if keras.backend.is_float_dtype(v.dtype)]


def state(model: keras.Model) -> list[np.ndarray]:
    """Every variable of a model and of its optimizer, in order."""
    return [np.array(v.numpy()) for v in [*model.variables, *model.optimizer.variables]]


def same(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    """Whether two lists hold the same arrays, to the last bit."""
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
