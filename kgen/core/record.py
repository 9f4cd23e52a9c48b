"""Small objects that hold constants: losses, likelihoods, schedules, solvers."""

import dataclasses
from typing import Any, Self

import keras


class Record:
    """The base of frozen dataclasses that Keras serialises by their fields.

    A field is a number, a string, None, a tuple of them, or another `Record`; so a record is
    hashable, equal to its copy, and comes back from a `.keras` file as it was.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Point(Record):
    ...     x: float = 0.0
    >>> Point.from_config(Point(2.0).get_config()) == Point(2.0)
    True
    """

    def get_config(self) -> dict[str, Any]:
        """Gives the fields, serialised."""
        fields = dataclasses.fields(self)
        return {f.name: keras.saving.serialize_keras_object(getattr(self, f.name)) for f in fields}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Rebuilds the object."""
        values = {k: keras.saving.deserialize_keras_object(v) for k, v in config.items()}
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
