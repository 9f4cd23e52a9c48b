"""Validates the data of `fit` before the first step."""

import warnings
from typing import Any

import keras
import numpy as np

_SHOWN = 512  # examples that ActNorm starts from


def check_support(x: np.ndarray, support: tuple[float, float] | None, dequantization: Any) -> None:
    """Raises ValueError for examples where the flow has no density, or that are off the levels.

    Args:
        x: all examples.
        support: the open interval of the transform; None: the line.
        dequantization: of the flow, or None.
    """
    low, high = float(np.min(x)), float(np.max(x))
    if dequantization is not None:
        dequantization.check(x)
        reach = 0.499 * dequantization.width  # of the noise, which never gets to its ends
        low, high = low - reach, high + reach
    if support is not None and not support[0] < low <= high < support[1]:
        raise ValueError(
            f"the data reach from {low:g} to {high:g}, outside of the open interval ({support[0]:g}, "
            f"{support[1]:g}) on which the flow has a density: dequantise levels with "
            "dequantization=kgen.flow.UniformNoise(), or give Logit other ends or a larger alpha"
        )


def first_examples(x: Any, y: Any) -> tuple[np.ndarray, Any] | None:
    """Gives examples and conditions to start from: of arrays some from all over, else the first batch.

    None, with a warning, for what can be read only once.
    """
    if isinstance(x, np.ndarray):
        shown = np.linspace(0, len(x) - 1, min(len(x), _SHOWN)).astype(int)
        return x[shown], None if y is None else keras.tree.map_structure(lambda a: a[shown], y)
    if isinstance(x, keras.utils.PyDataset):
        batch = x[0]
    elif iter(x) is not x:
        batch = next(iter(x))
    else:
        warnings.warn(
            "ActNorm starts as the identity: this data can be read only once. Call "
            "model.initialize(examples) before fit",
            stacklevel=3,
        )
        return None
    batch = tuple(batch) if isinstance(batch, list | tuple) else batch
    examples, condition, _ = keras.utils.unpack_x_y_sample_weight(batch)
    return np.asarray(examples), condition
