"""What a flow is told: labels or a vector, as the context of its transforms."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor
from kgen.core.labels import check_labels
from kgen.core.record import Record


@dataclasses.dataclass(frozen=True)
class Condition(Record):
    """Labels of so many classes, or vectors of so many numbers, or nothing.

    Args:
        classes: how many labels there are; None: no labels.
        context: how many numbers a vector has; None: no vector.

    Raises:
        ValueError: where both are given, or a number is below 1.

    >>> Condition(classes=10).name, Condition().name
    ('labels', None)
    """

    classes: int | None = None
    context: int | None = None

    def __post_init__(self) -> None:
        """Checks the arguments."""
        if self.classes is not None and self.context is not None:
            raise ValueError(
                "expected classes or context, got both: put one-hot labels into the context"
            )
        if min(self.classes or 1, self.context or 1) < 1:
            raise ValueError(f"expected at least 1, got classes={self.classes}, context={self.context}")

    @property
    def name(self) -> str | None:
        """What `sample` and exported endpoints call it."""
        if self.classes is not None:
            return "labels"
        return "context" if self.context is not None else None

    @property
    def specs(self) -> dict[str, keras.InputSpec]:
        """The inputs of an endpoint."""
        if self.classes is not None:
            return {"labels": keras.InputSpec(shape=(None,), dtype="int32")}
        if self.context is not None:
            return {"context": keras.InputSpec(shape=(None, self.context), dtype="float32")}
        return {}

    def vector(self, given: tuple[Tensor, ...]) -> Tensor | None:
        """Gives the context of the transforms, float `(batch, width)`, from none or one tensor.

        Raises ValueError where one is missing, superfluous, or of another shape.
        """
        if len(given) != len(self.specs):
            raise ValueError(self._mismatch(f"{len(given)} conditions"))
        if not given:
            return None
        shape = tuple(given[0].shape)
        if shape[1:] != next(iter(self.specs.values())).shape[1:]:
            raise ValueError(f"expected {self.name} of shape {self._shape}, got {shape}")
        if self.classes is None:
            return ops.cast(given[0], "float32")
        return ops.one_hot(ops.cast(given[0], "int32"), self.classes, dtype="float32")

    def given(self, labels: Any, context: Any) -> list[Any]:
        """What a call was told, none or one. Raises ValueError where it is missing or superfluous."""
        told = {k: v for k, v in (("labels", labels), ("context", context)) if v is not None}
        if list(told) != list(self.specs):
            raise ValueError(self._mismatch(" and ".join(told) or "none"))
        return list(told.values())

    def arrays(self, n: int, labels: Any, context: Any) -> list[np.ndarray]:
        """Checks what `sample` was given and repeats it: one for each of n examples.

        Raises ValueError where one is missing or superfluous, of another shape, or no label.
        """
        given = self.given(labels, context)
        if not given:
            return []
        array = np.asarray(given[0], "float32" if self.classes is None else None)
        shape = next(iter(self.specs.values())).shape[1:]
        if array.shape not in (shape, (n, *shape)):
            raise ValueError(
                f"expected {self.name} of shape {shape} or {(n, *shape)}, got {array.shape}"
            )
        array = np.broadcast_to(array, (n, *shape))
        self.check(array)
        return [array.astype("int32" if self.classes is not None else "float32")]

    def check(self, array: Any) -> None:
        """Looks at the labels or vectors of examples.

        Raises ValueError where they are missing or superfluous, no integers, or out of range.
        """
        given = array is not None
        if given != bool(self.specs):
            raise ValueError(self._mismatch("one" if given else "none"))
        if self.classes is not None:
            check_labels(array, self.classes)

    @property
    def _shape(self) -> str:
        return "(batch,)" if self.classes is not None else f"(batch, {self.context})"

    def _mismatch(self, got: str) -> str:
        if self.name is None:
            return (
                f"the flow takes no condition, got {got}: call it on the examples alone, or build it "
                "with classes=... or context=..."
            )
        return f"the flow needs {self.name} {self._shape}, one for each example, got {got}"
