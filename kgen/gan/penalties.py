"""Penalties: what holds the discriminator's slope, whatever the loss (`constraints.py`: its weights).

A penalty is an object with three members, each of which may do nothing:

- `discriminator(critic, real, fake, keys)`: a float32 scalar, added to the discriminator's loss;
- `generator(network)`: a float32 scalar, added to the generator's loss;
- `constrain(network)`: called after each discriminator step, may assign to its weights.

The critic maps examples `(batch, ...)` to logits `(batch, 1)`, each example by itself; real and fake
are examples of one shape, keys int32 `(batch, 2)`. Penalties of the slope may act every k-th step only,
k times as strongly ("lazy regularisation"): then the network is bent in fewer, larger steps. No time is
saved by that, for the one compiled step holds both ways.
"""

import dataclasses
from collections.abc import Callable

import keras
from keras import ops

import kgen.random
from kgen import backend
from kgen.backend import Tensor
from kgen.core.record import Record
from kgen.gan.losses import AdversarialLoss

Critic = Callable[[Tensor], Tensor]


class Penalty(Record):
    """The base of the penalties: does nothing."""

    every = 1
    """Acts in each k-th discriminator step."""
    per_example = False
    """Whether it takes the critic's output for a function of one example at a time."""

    def discriminator(self, critic: Critic, real: Tensor, fake: Tensor, keys: Tensor) -> Tensor:
        """What is added to the discriminator's loss."""
        return ops.zeros(())

    def generator(self, network: keras.Layer) -> Tensor:
        """What is added to the generator's loss."""
        return ops.zeros(())

    def constrain(self, network: keras.Layer) -> None:
        """Called after each discriminator step."""

    def check(self, loss: AdversarialLoss) -> None:
        """Raises ValueError for a loss that it cannot go with."""


class SlopePenalty(Penalty):
    """The base of the penalties of |grad D(x)|, which differ in where and in how much."""

    per_example = True

    def __post_init__(self) -> None:
        """Checks the numbers."""
        if self.every < 1 or self.weight < 0:
            raise ValueError(f"expected every >= 1 and weight >= 0, got {self.every} and {self.weight}")


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class GradientPenalty(SlopePenalty):
    """Holds the critic's slope near a target on the lines between real and fake examples,

        weight * E[(|grad D(u x + (1 - u) G(z))| - target)^2],   u uniform in (0, 1).

    It is finite, with a finite gradient, also where the slope is zero.

    Args:
        weight: at least 0.
        target: the slope.
        one_sided: whether slopes below the target are free.
        every: acts in each k-th discriminator step, k times as strongly.

    Source: "Improved Training of Wasserstein GANs" (Gulrajani et al., 2017), equation 3; one-sided:
    section 4 there, and "On the Regularization of Wasserstein GANs" (Petzka et al., 2018), equation 7.

    >>> x = ops.ones((4, 2))
    >>> keys = kgen.random.keys(0, 4)
    >>> float(GradientPenalty(10.0).discriminator(lambda x: 3.0 * x[:, :1], x, -x, keys))
    40.0
    """

    weight: float = 10.0
    target: float = 1.0
    one_sided: bool = False
    every: int = 1

    def discriminator(self, critic: Critic, real: Tensor, fake: Tensor, keys: Tensor) -> Tensor:
        """The squared distance from the target."""
        share = _like(kgen.random.uniform(keys), real)
        excess = slope(critic, share * real + (1.0 - share) * fake) - self.target
        excess = ops.relu(excess) if self.one_sided else excess
        return self.weight * ops.mean(ops.square(excess))


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Dragan(SlopePenalty):
    """Holds the slope near 1 around the real examples,

        weight * E[(|grad D(x + noise * s * u)| - 1)^2],   u uniform in (0, 1) for each value,

    s being the standard deviation of all the values of the batch. It sees no fakes.

    Args:
        weight: at least 0.
        noise: how far around, in standard deviations.
        every: acts in each k-th discriminator step, k times as strongly.

    Source: "On Convergence and Stability of GANs" (Kodali et al., 2017), section 2.4.

    >>> x = ops.ones((4, 2))
    >>> keys = kgen.random.keys(0, 4)
    >>> float(Dragan(10.0).discriminator(lambda x: 3.0 * x[:, :1], x, x, keys))
    40.0
    """

    weight: float = 10.0
    noise: float = 0.5
    every: int = 1

    def discriminator(self, critic: Critic, real: Tensor, fake: Tensor, keys: Tensor) -> Tensor:
        """The squared distance from a slope of 1, near the data."""
        near = self.noise * ops.std(real) * kgen.random.uniform(keys, tuple(real.shape[1:]))
        return self.weight * ops.mean(ops.square(slope(critic, real + near) - 1.0))


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class R1(SlopePenalty):
    """Flattens the discriminator at real examples: weight / 2 * E[|grad D(x)|^2].

    Args:
        weight: at least 0; the gamma of the paper.
        every: acts in each k-th discriminator step, k times as strongly.

    Source: "Which Training Methods for GANs do actually Converge?" (Mescheder et al., 2018), equation
    9; every k steps: "Analyzing and Improving the Image Quality of StyleGAN" (Karras et al., 2020),
    section 3.1.

    >>> x = ops.ones((4, 2))
    >>> float(R1(2.0).discriminator(lambda x: 3.0 * x[:, :1], x, x, None))
    9.0
    """

    weight: float = 10.0
    every: int = 1

    def discriminator(self, critic: Critic, real: Tensor, fake: Tensor, keys: Tensor) -> Tensor:
        """Half the weighted mean of the squared slopes at real examples."""
        return 0.5 * self.weight * ops.mean(squared_slope(critic, real))


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class R2(SlopePenalty):
    """Flattens the discriminator at fakes: weight / 2 * E[|grad D(G(z))|^2].

    Args:
        weight: at least 0; the gamma of the paper.
        every: acts in each k-th discriminator step, k times as strongly.

    Source: "Which Training Methods for GANs do actually Converge?" (Mescheder et al., 2018), equation
    10.

    >>> x = ops.ones((4, 2))
    >>> float(R2(2.0).discriminator(lambda x: 3.0 * x[:, :1], x, x, None))
    9.0
    """

    weight: float = 10.0
    every: int = 1

    def discriminator(self, critic: Critic, real: Tensor, fake: Tensor, keys: Tensor) -> Tensor:
        """Half the weighted mean of the squared slopes at fakes."""
        return 0.5 * self.weight * ops.mean(squared_slope(critic, fake))


def squared_slope(critic: Critic, x: Tensor) -> Tensor:
    """Gives |grad D(x)|^2 of each example, `(batch,)`; the critic must treat each by itself."""
    gradient = backend.gradient(lambda x: ops.sum(critic(x)), x)
    axes = tuple(range(1, len(x.shape)))
    return ops.sum(ops.square(ops.cast(gradient, "float32")), axis=axes)


def slope(critic: Critic, x: Tensor) -> Tensor:
    """Gives |grad D(x)| of each example, `(batch,)`, differentiable with 0 where it is 0."""
    squared = squared_slope(critic, x)
    positive = squared > 0.0
    # sqrt has an infinite derivative at 0: neither branch may see one there
    return ops.where(positive, ops.sqrt(ops.where(positive, squared, 1.0)), 0.0)


def _like(values: Tensor, x: Tensor) -> Tensor:
    """One value for each example, so that it broadcasts with the examples."""
    return ops.reshape(values, (-1, *[1] * (len(x.shape) - 1)))
