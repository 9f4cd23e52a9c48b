"""Checks of what an autoregressive model is made of and what it is given."""

import math
from typing import Any

import keras
import numpy as np

from kgen.autoregressive.likelihoods import Likelihood
from kgen.backend import Tensor
from kgen.core.labels import check_labels


def check_sizes(
    network: keras.Model, likelihood: Likelihood, shape: tuple[int, ...], classes: int | None
) -> None:
    """Raises ValueError where inputs, outputs, likelihood, shape and classes do not fit together."""
    names = [tensor.name for tensor in network.inputs]
    if len(names) != 1 + (classes is not None):
        raise ValueError(
            f"the network's inputs are {names} and classes is {classes}: give classes to both the "
            "network and the model, or to neither"
        )
    x, grid = network.inputs[0], network.output_shape[1:-1]
    size, positions = math.prod(shape), math.prod(grid)
    if size != math.prod(x.shape[1:]) or size % positions:
        raise ValueError(
            f"examples of shape {shape} do not fit a network of inputs {x.shape[1:]} and positions "
            f"{grid}"
        )
    expected = likelihood.outputs(size // positions)
    if network.output_shape[-1] != expected:
        raise ValueError(
            f"{likelihood} needs {expected} outputs for each position of {size // positions} "
            f"channel(s), the network has {network.output_shape[-1]}: build it with outputs={expected}"
        )
    if likelihood.integers and keras.backend.is_float_dtype(x.dtype):
        raise ValueError(
            "tokens are integers, the network takes floats: build it with "
            f"vocabulary={likelihood.levels}"
        )


def labels_of_batch(condition: Any, classes: int | None) -> list[Tensor]:
    """The labels of a batch as further inputs. Raises ValueError: missing or superfluous ones."""
    if (condition is None) != (classes is None):
        fix = "call fit(x) without y" if classes is None else "call fit(x, labels)"
        raise ValueError(f"the model's classes are {classes}: {fix}")
    return [] if condition is None else [condition]


def label_arrays(n: int, labels: Any, classes: int | None) -> list[np.ndarray]:
    """The labels of `n` examples, one for all or one each, as the endpoints take them.

    Raises ValueError where they are missing, superfluous or out of range.
    """
    if (labels is None) != (classes is None):
        want = "takes no labels" if classes is None else f"needs labels 0 ... {classes - 1}"
        raise ValueError(f"the model {want}")
    if labels is None:
        return []
    labels = np.asarray(labels)
    if labels.shape not in ((), (n,)):
        raise ValueError(f"expected one label, or {n} labels, got labels of shape {labels.shape}")
    labels = np.broadcast_to(labels, (n,))
    check_labels(labels, classes)
    return [labels.astype("int32")]


def examples(x: Any, shape: tuple[int, ...], likelihood: Likelihood) -> np.ndarray:
    """Examples as the endpoints take them.

    Raises ValueError for another shape, and for values that are not those of the likelihood.
    """
    x = np.asarray(x)
    if x.shape[1:] != shape:
        longer = x.ndim == 2 and len(shape) == 1 and x.shape[1] > shape[0]
        hint = f": cut it into pieces of {shape[0]}, or build a longer network" if longer else ""
        raise ValueError(f"expected examples of shape {shape}, got {x.shape[1:]}{hint}")
    likelihood.check(x)
    return x.astype("int32" if likelihood.integers else "float32")
