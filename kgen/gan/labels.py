"""Class labels: those of the data, and those that samples are asked for."""

from typing import Any

import numpy as np

from kgen.backend import Tensor


def check_labels(labels: Any, classes: int) -> None:
    """Checks class labels.

    Args:
        labels: integers `(n,)`, 0 ... classes - 1.
        classes: how many there are.

    Raises:
        ValueError: where a label is no integer or out of range; it says the first one.

    >>> check_labels(np.array([0, 9]), classes=10)
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise ValueError(
            f"expected integer labels of shape (n,), got {labels.dtype} of shape {labels.shape}"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise ValueError(
            f"expected labels 0 ... {classes - 1}, got {labels[wrong[0]]} at position {wrong[0]}"
        )


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
