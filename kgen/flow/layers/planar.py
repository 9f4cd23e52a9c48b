"""Planar and radial transforms with weights."""

from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.flow.layers.base import Transform
from kgen.flow.transforms.planar import (
    planar_and_ladj,
    planar_inverse_and_ladj,
    radial_and_ladj,
    radial_inverse_and_ladj,
)
from kgen.layers import Normal


@keras.saving.register_keras_serializable("kgen")
class Planar(Transform):
    """z = x + u tanh(w.x + b): squeezes and stretches along one direction.

    Args:
        dim: of the vectors.
        seed: of the initial weights; None: fresh ones.
        kwargs: of `keras.layers.Layer`.

    Source: "Variational Inference with Normalizing Flows" (Rezende and Mohamed, 2015), equation 10.
    """

    def __init__(self, dim: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.seed = seed
        shift, normal = None if seed is None else seed + 1, Normal(0.5, seed)
        self.u = self.add_weight(shape=(dim,), initializer=Normal(0.1, shift), name="u")
        self.w = self.add_weight(shape=(dim,), initializer=normal, name="w")
        self.b = self.add_weight(shape=(), initializer="zeros", name="b")

    @property
    def inverse_learns(self) -> bool:
        """False: it is found by halving."""
        return False

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See `planar_and_ladj`."""
        return planar_and_ladj(x, *_cast(x, self.u, self.w, self.b))

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """See `planar_inverse_and_ladj`."""
        return planar_inverse_and_ladj(z, *_cast(z, self.u, self.w, self.b))


@keras.saving.register_keras_serializable("kgen")
class Radial(Transform):
    """Pushes vectors away from a centre, or draws them to it.

    Args:
        dim: of the vectors.
        seed: of the initial centre; None: a fresh one.
        kwargs: of `keras.layers.Layer`.

    Source: "Variational Inference with Normalizing Flows" (Rezende and Mohamed, 2015), equation 14.
    """

    def __init__(self, dim: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = dim
        self.seed = seed
        self.centre = self.add_weight(shape=(dim,), initializer=Normal(0.5, seed), name="centre")
        self.a = self.add_weight(shape=(), initializer="zeros", name="a")
        self.b = self.add_weight(shape=(), initializer="zeros", name="b")

    def call_and_ladj(
        self, x: Tensor, context: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """See `radial_and_ladj`."""
        return radial_and_ladj(x, *_cast(x, self.centre, self.a, self.b))

    def inverse_and_ladj(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """See `radial_inverse_and_ladj`."""
        return radial_inverse_and_ladj(z, *_cast(z, self.centre, self.a, self.b))


def _cast(like: Tensor, *weights: keras.Variable) -> list[Tensor]:
    return [ops.cast(weight, like.dtype) for weight in weights]
