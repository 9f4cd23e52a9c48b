"""Class labels: those of the data, and those that samples are asked for."""

from typing import Any

import numpy as np

from kgen.backend import Tensor
from kgen.core.labels import check_labels


def need_labels(labels: Tensor | None, classes: int) -> Tensor:
    """Gives the labels; raises ValueError where there are none."""
    if labels is None:
        raise ValueError(
            f"the model is told one of {classes} classes with each example, and there are no labels: "
            "call fit(x, labels), or give data of (x, labels)"
        )
    return labels


def labels_of_samples(labels: Any, n: int, classes: int) -> np.ndarray:
    """Gives each of n samples its label, int32 `(n,)`.

    Args:
        labels: one for all, or one each; None: sample i is of the class i % classes.
        n: how many samples.
        classes: how many classes there are.

    Raises:
        ValueError: for labels out of range, or another number of them.

    >>> labels_of_samples(None, 4, classes=3).tolist()
    [0, 1, 2, 0]
    """
    labels = np.arange(n) % classes if labels is None else np.asarray(labels)
    if labels.shape not in ((), (1,), (n,)):
        raise ValueError(f"expected one label, or one for each of {n} samples, got {labels.shape}")
    labels = np.broadcast_to(labels, (n,))
    check_labels(labels, classes)
    return labels.astype("int32")
