"""Class labels, looked at before they reach a network, where one out of range is undefined."""

from typing import Any

import numpy as np


def check_labels(labels: Any, classes: int, nothing: bool = False) -> None:
    """Checks class labels.

    Args:
        labels: integers `(batch,)`, 0 ... classes - 1.
        classes: how many there are.
        nothing: whether the label `classes` is allowed too, for no label.

    Raises:
        ValueError: where a label is no integer or out of range; it says the first one.

    >>> check_labels(np.array([0, 9]), classes=10)
    >>> check_labels(np.array([[0], [9]]), classes=10)
    Traceback (most recent call last):
    ValueError: expected integer labels of shape (batch,), got int64 of shape (2, 1): labels[:, 0]
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise ValueError(
            f"expected integer labels of shape (batch,), got {labels.dtype} of shape {labels.shape}"
            f"{_hint(labels, classes)}"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= classes + nothing))
    if len(wrong):
        more = f", or {classes} for no label" if nothing else ""
        raise ValueError(
            f"expected labels 0 ... {classes - 1}{more}, got {labels[wrong[0]]} at position {wrong[0]}"
        )


def _hint(labels: np.ndarray, classes: int) -> str:
    if labels.ndim == 2 and labels.shape[1] == 1:
        return ": labels[:, 0]"
    if labels.ndim == 2 and labels.shape[1] == classes:
        return ": of one-hot rows take np.argmax(labels, axis=-1)"
    if labels.dtype.kind == "f" and np.array_equal(labels, np.round(labels)):
        return ": labels.astype('int32')"
    return ""
