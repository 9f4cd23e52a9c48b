"""Checks of what an autoregressive model is made of and what it is given."""

import math
from typing import Any

import keras
import numpy as np

from kgen.autoregressive.likelihoods import Likelihood


def check_sizes(network: keras.Model, likelihood: Likelihood, shape: tuple[int, ...]) -> None:
    """Raises ValueError where inputs, outputs, likelihood and shape do not fit together."""
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
