"""Conditions: what a model is conditional on, by name, read off the inputs of its networks."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.core.inputs import condition_specs
from kgen.core.labels import check_labels

Specs = Mapping[str, keras.InputSpec]


class Conditions:
    """The conditions of a model: their names, shapes and types, in the order of its networks' inputs.

    An input named "labels" takes integers `(batch,)`, 0 ... classes - 1. Any other name is free: floats
    such as "context" or "image", integers such as "tokens", booleans such as a "context_mask", True
    where the context is no padding.

    Args:
        specs: the name of each condition to its shape, with the batch first, and its dtype.
        classes: how many labels there are; None: no labels.
        no_label: whether the label `classes` is allowed too, for none.

    Raises ValueError where labels are taken and `classes` is not given, or the other way round.

    >>> conditions = Conditions({"labels": keras.InputSpec(dtype="int32", shape=(None,))}, classes=3)
    >>> conditions.names, [array.tolist() for array in conditions.arrays(4)]
    (('labels',), [[0, 1, 2, 0]])
    """

    def __init__(
        self, specs: Specs | None = None, classes: int | None = None, no_label: bool = False
    ) -> None:
        self._specs = dict(specs or {})
        self.classes = classes
        self.no_label = no_label
        if classes is not None and classes < 1:
            raise ValueError(f"expected classes >= 1, got {classes}")
        if ("labels" in self._specs) != (classes is not None):
            raise ValueError(
                f"the networks' conditions are {list(self._specs)} and classes is {classes}: give "
                "classes to both the network and the model, or to neither"
            )

    @classmethod
    def of(cls, *networks: keras.Model, first: int = 1, **labels: Any) -> Self:
        """Reads the conditions off networks: all inputs but the first ones, each name once.

        Args:
            networks: functional models.
            first: how many inputs of each are no conditions.
            labels: `classes` and `no_label`, as for the class.

        Raises ValueError where two networks disagree about a condition, and as the class.
        """
        return cls(condition_specs(networks, first), **labels)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._specs)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in the order of the inputs."""
        return tuple(self._specs)

    @property
    def can_drop(self) -> bool:
        """Whether `dropped` hides anything: images alone are never hidden."""
        return any(map(self._hides, self.names))

    def specs(self) -> dict[str, keras.InputSpec]:
        """Returns the inputs of an endpoint, by name."""
        return dict(self._specs)

    def only(self, names: Sequence[str]) -> "Conditions":
        """Returns those of the given names."""
        specs = {name: spec for name, spec in self._specs.items() if name in names}
        return Conditions(specs, self.classes if "labels" in specs else None, self.no_label)

    def named(self, y: Any) -> dict[str, Any]:
        """Returns what `fit(x, y)` has as y by name, in order: one array or tensor, or a dict of them.

        Raises ValueError where a condition is missing or superfluous.
        """
        if not isinstance(y, Mapping):
            if y is not None and len(self.names) > 1:
                raise ValueError(
                    f"the model is conditional on {list(self.names)}: give fit a dict of them as y"
                )
            y = {} if y is None else {(self.names or ("y",))[0]: y}
        if set(y) != set(self.names):
            raise ValueError(self._mismatch(sorted(y)))
        return {name: y[name] for name in self.names}

    def check(self, y: Any) -> None:
        """Validates the y of `fit(x, y)` in full, before anything is compiled.

        Raises ValueError as `named`, for another shape or type, and for labels out of range.
        """
        for name, value in self.named(y).items():
            array = ops.convert_to_numpy(value) if ops.is_tensor(value) else np.asarray(value)
            if name != "labels":
                self._check_shape(name, array.shape, (len(array) if array.ndim else 1,))
            self._check_values(name, array)

    def of_batch(self, y: Any) -> dict[str, Tensor]:
        """Returns the conditions of a batch by name, as tensors of their types.

        Raises ValueError as `named`, and for another shape.
        """
        named = self.named(y)
        for name, value in named.items():
            self._check_shape(name, tuple(value.shape), tuple(value.shape)[:1])
        return {name: ops.cast(value, self._specs[name].dtype) for name, value in named.items()}

    def of_tensors(self, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
        """Returns the last arguments of an endpoint by name.

        Raises ValueError for another number of them, and as `of_batch`.
        """
        if len(tensors) != len(self.names):
            raise ValueError(self._mismatch(f"{len(tensors)} conditions"))
        return self.of_batch(dict(zip(self.names, tensors, strict=True)))

    def dropped(self, named: dict[str, Tensor], rate: float, keys: Tensor) -> dict[str, Tensor]:
        """Hides the conditions of a random share of the examples, all but images.

        Args:
            named: the conditions of a batch.
            rate: the share, in [0, 1).
            keys: int32 `(batch, 2)`.
        """
        if not rate:
            return named
        hide = kgen.random.uniform(keys) < rate
        null = self.null(named)
        return {
            name: ops.where(ops.reshape(hide, (-1,) + (1,) * (len(v.shape) - 1)), null[name], v)
            for name, v in named.items()
        }

    def null(self, named: dict[str, Tensor]) -> dict[str, Tensor]:
        """Returns nothing in their place: the label `classes`, zeros, masks of True. Images stay."""
        return {name: self._null(name, value) for name, value in named.items()}

    def arrays(self, n: int, **given: Any) -> list[np.ndarray]:
        """Returns the conditions of n samples in order; without labels each class in turn.

        Args:
            n: how many.
            given: by name, one for all samples or one each; None: not given.

        Raises:
            ValueError: for an unknown name, a missing condition, another shape or type, and labels
                out of range.
        """
        if "labels" in self.names and given.get("labels") is None:
            given["labels"] = np.arange(n) % self.classes
        return self.of_examples(n, **given)

    def of_examples(self, n: int, **given: Any) -> list[np.ndarray]:
        """Returns the conditions of n known examples, in order: as `arrays`, and labels are needed."""
        given = {name: value for name, value in given.items() if value is not None}
        for name in self.names:
            if name not in given:
                raise ValueError(self._wanted(name, " and ".join(given) or "none"))
        for name in given:
            if name not in self.names:
                takes = f"its conditions are {list(self.names)}" if self else "it is unconditional"
                raise ValueError(f"the model takes no {name}: {takes}")
        return [self._repeated(name, given[name], n) for name in self.names]

    def _repeated(self, name: str, value: Any, n: int) -> np.ndarray:
        array = ops.convert_to_numpy(value) if ops.is_tensor(value) else np.asarray(value)
        if name == "labels" and array.shape == (1,):
            array = array[0]
        if array.ndim < len(self._specs[name].shape):
            array = array[None]
        self._check_shape(name, array.shape, (1, n), np.shape(value))
        array = np.broadcast_to(array, (n, *array.shape[1:]))
        self._check_values(name, array)
        return array.astype(self._specs[name].dtype)

    def _check_shape(
        self, name: str, shape: tuple, rows: Sequence[int | None], got: tuple | None = None
    ) -> None:
        """Raises ValueError for another shape than one of those numbers of rows has."""
        expected = tuple(self._specs[name].shape[1:])
        fits = len(shape) == 1 + len(expected) and shape[0] in rows
        pairs = zip(expected, shape[1:], strict=False)
        if fits and all(want is None or have is None or want == have for want, have in pairs):
            return
        if len(rows) == 1:
            raise ValueError(f"expected {name} of shape {_batch(expected)}, got {shape}")
        raise ValueError(
            f"expected {name} of shape {expected} or {(rows[-1], *expected)}, got {got}: one for all, "
            f"or one for each of {rows[-1]} samples"
        )

    def _check_values(self, name: str, array: np.ndarray) -> None:
        if name == "labels":
            check_labels(array, self.classes, self.no_label)
        kinds = {"int32": "iu", "float32": "fiub", "bool": "bi"}[self._specs[name].dtype]
        if array.dtype.kind not in kinds:
            dtype = self._specs[name].dtype
            raise ValueError(f"expected {name} of {dtype}, got {array.dtype}: convert it to {dtype}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"expected finite {name}, got NaN or infinite values: repair or drop them")

    def _hides(self, name: str) -> bool:
        return name != "image" and len(self._specs[name].shape) < 4

    def _null(self, name: str, value: Tensor) -> Tensor:
        if not self._hides(name):
            return value
        if name == "labels":
            return ops.full_like(value, self.classes)
        boolean = self._specs[name].dtype == "bool"
        return ops.ones_like(value) if boolean else ops.zeros_like(value)

    def _mismatch(self, got: Any) -> str:
        if not self:
            return (
                f"the model is unconditional, got {got}: call fit(x) without y, or build its networks "
                "with further inputs such as labels"
            )
        if self.names == ("labels",):
            nothing = "there are no labels" if not got else f"got {got}"
            return (
                f"the model is conditional on labels, one of {self.classes} classes with each example, "
                f"and {nothing}: call fit(x, labels), or give data of (x, labels)"
            )
        fix = "call fit(x, y), or give data of (x, y), where y is one array, or a dict of several"
        return f"the model is conditional on {list(self.names)}, got {got}: {fix}"

    def _wanted(self, name: str, got: str) -> str:
        shape = _batch(self._specs[name].shape[1:])
        fix = f": give labels 0 ... {self.classes - 1}" if name == "labels" else ""
        return f"the model needs {name} {shape}, one for each example, got {got}{fix}"


def _batch(shape: Sequence[int | None]) -> str:
    return f"(batch,{' ' if shape else ''}{', '.join(map(str, shape))})"
