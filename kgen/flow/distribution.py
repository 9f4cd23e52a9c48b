"""A transform and a prior as a distribution: what a flow is, without its training."""

from typing import Any

import keras

from kgen.backend import Tensor
from kgen.flow.layers.base import Transform


def log_density(
    transform: Transform,
    prior: Any,
    x: Tensor,
    context: Tensor | None = None,
    keys: Tensor | None = None,
) -> Tensor:
    """Gives log p(x) = log p_prior(z) + log |det dz/dx| in nats, `(batch,)`.

    Args:
        transform: x to z.
        prior: with `log_prob(z)`.
        x: float `(batch, ...)`.
        context, keys: see `Transform`.
    """
    z, ladj = transform.call_and_ladj(x, context, keys)
    return prior.log_prob(z) + ladj


@keras.saving.register_keras_serializable("kgen")
class Transformed(keras.layers.Layer):
    """The distribution of x where transform(x) has the prior's: itself a prior, one that learns.

    It has what `kgen.VAE` asks of its prior, and its weights are trained with the VAE's.

    Args:
        transform: of x to z, without a context.
        prior: of z, with `sample(keys)`, `log_prob(z)` and `shape`; `StandardNormal(shape)`, or another
            `Transformed`.
        kwargs: of `keras.layers.Layer`.

    >>> import kgen
    >>> flow = kgen.flow.RealNVP((2,), layers=2)
    >>> prior = Transformed(flow.transform, flow.prior)
    >>> model = kgen.VAE(kgen.networks.mlp(3, 4), kgen.networks.mlp(2, 3), kgen.vae.Gaussian(), prior)
    >>> model.sample(5, seed=0).shape
    (5, 3)
    """

    def __init__(self, transform: Transform, prior: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.transform = transform
        self.prior = prior
        self.built = True

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one draw, without the batch."""
        return self.prior.shape

    def sample(self, keys: Tensor) -> Tensor:
        """Draws `(batch, *shape)` from keys `(batch, 2)`."""
        return self.transform.inverse_and_ladj(self.prior.sample(keys))[0]

    def log_prob(self, x: Tensor) -> Tensor:
        """The log-density of each example in nats, `(batch,)`."""
        return log_density(self.transform, self.prior, x)

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments, serialised."""
        serialize = keras.saving.serialize_keras_object
        parts = {"transform": serialize(self.transform), "prior": serialize(self.prior)}
        return super().get_config() | parts

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Transformed":
        """Rebuilds the distribution, with fresh weights."""
        names = ("transform", "prior")
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in names}
        return cls(**config | parts)
