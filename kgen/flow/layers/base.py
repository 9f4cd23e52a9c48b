"""A transform with weights, and how transforms are joined."""

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.flow.transforms.base import zero_ladj


class Transform(keras.layers.Layer):
    """The base of the bijections with weights: from data x to latents z of the same shape.

    A subclass writes `call_and_ladj` and `inverse_and_ladj`, and an `__init__` whose arguments are its
    config, each kept as an attribute of the same name; all weights exist when it returns.

    `context` is float `(batch, width)`, or None where there is none. `keys`, int32 `(batch, 2)`, is
    the noise of a training step, for transforms that estimate something; None: nothing is estimated.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True

    @property
    def support(self) -> tuple[float, float] | None:
        """The open interval that every number of x must lie in; None: the whole line."""
        return None

    @property
    def inner(self) -> list["Transform"]:
        """The transforms that it is made of."""
        return []

    @property
    def call_learns(self) -> bool:
        """Whether `call_and_ladj` has a gradient on every backend without `keys`."""
        return all(transform.call_learns for transform in self.inner)

    @property
    def inverse_learns(self) -> bool:
        """Whether `inverse_and_ladj` has a gradient on every backend; a VAE's posterior needs it."""
        return all(transform.inverse_learns for transform in self.inner)

    def walk(self) -> Iterator["Transform"]:
        """Gives itself and all that it is made of."""
        yield self
        for child in self.inner:
            yield from child.walk()

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Gives z of the shape of x, and log |det dz/dx|, `(batch,)`."""
        raise NotImplementedError

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Gives x of the shape of z, and log |det dx/dz|, `(batch,)`."""
        raise NotImplementedError

    def initialize(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Sets the weights that are to start from data, where it has such; gives z."""
        return self.call_and_ladj(x, context)[0]

    def call(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Maps x to z."""
        return self.call_and_ladj(x, context)[0]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """That of x."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments of `__init__`, networks and other objects serialised."""
        config = super().get_config()
        for name in _arguments(type(self)):
            config[name] = keras.saving.serialize_keras_object(getattr(self, name))
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Transform":
        """Rebuilds the transform from its config, with fresh weights."""
        own = _arguments(cls)
        deserialize = keras.saving.deserialize_keras_object
        return cls(**{k: deserialize(v) if k in own else v for k, v in config.items()})


@keras.saving.register_keras_serializable("kgen")
class Chain(Transform):
    """Transforms one after the other, the first next to the data.

    Args:
        transforms: at least one.

    >>> import numpy as np
    >>> from kgen.flow.layers.linear import Permutation
    >>> x = np.array([[1.0, 2.0, 3.0]], "float32")
    >>> turn = Permutation((1, 2, 0))
    >>> z, _ = Chain([turn, turn]).call_and_ladj(x)
    >>> ops.convert_to_numpy(z).tolist()
    [[3.0, 1.0, 2.0]]
    """

    def __init__(self, transforms: Sequence[Transform], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not transforms:
            raise ValueError("expected at least one transform, got none")
        self.transforms = list(transforms)

    @property
    def support(self) -> tuple[float, float] | None:
        """That of the first."""
        return self.transforms[0].support

    @property
    def inner(self) -> list[Transform]:
        """The transforms."""
        return self.transforms

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """log |det J| of the chain is the sum."""
        total = zero_ladj(x)
        for transform in self.transforms:
            x, ladj = transform.call_and_ladj(x, context, keys)
            total = total + ladj
        return x, total

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The inverses, from the last to the first."""
        total = zero_ladj(z)
        for transform in reversed(self.transforms):
            z, ladj = transform.inverse_and_ladj(z, context)
            total = total + ladj
        return z, total

    def initialize(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Each from what the one before gives."""
        for transform in self.transforms:
            x = transform.initialize(x, context)
        return x


@keras.saving.register_keras_serializable("kgen")
class Inverse(Transform):
    """A transform the other way round: fast where the other is slow.

    Args:
        transform: whose `inverse_and_ladj` is to take data to latents.
    """

    def __init__(self, transform: Transform, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.transform = transform

    @property
    def inner(self) -> list[Transform]:
        """The other."""
        return [self.transform]

    @property
    def call_learns(self) -> bool:
        """Whether the inverse of the other does."""
        return self.transform.inverse_learns

    @property
    def inverse_learns(self) -> bool:
        """Whether the other does."""
        return self.transform.call_learns

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The inverse of the other."""
        return self.transform.inverse_and_ladj(x, context)

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The other."""
        return self.transform.call_and_ladj(z, context)


def run_network(network: keras.Model, x: Tensor, context: Tensor | None) -> Tensor:
    """Runs a network of x, or of [x, context], in the type of x.

    Raises ValueError where the network needs a context and there is none.
    """
    if len(network.inputs) == 1:
        return ops.cast(network(x), x.dtype)
    if context is None:
        raise ValueError(f"network {network.name!r} takes a context, and none was given")
    return ops.cast(network([x, context]), x.dtype)


def _arguments(cls: type) -> list[str]:
    """The names that `__init__` takes, but for those of every layer."""
    return [
        name for name in inspect.signature(cls.__init__).parameters if name not in ("self", "kwargs")
    ]
