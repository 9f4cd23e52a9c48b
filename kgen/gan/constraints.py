"""Penalties and constraints of the weights themselves: clipping, and orthogonal kernels."""

import dataclasses

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.gan.losses import AdversarialLoss, Wasserstein
from kgen.gan.penalties import Critic, Penalty


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class WeightClipping(Penalty):
    """Clips the critic's weights to [-limit, limit] after each of its steps, so that it is Lipschitz.

    Args:
        limit: above 0.

    Source: "Wasserstein GAN" (Arjovsky et al., 2017), algorithm 1.

    >>> layer = keras.layers.Dense(1, kernel_initializer="ones")
    >>> layer.build((None, 2))
    >>> WeightClipping(0.01).constrain(layer)
    >>> round(float(layer.kernel[0, 0]), 4)
    0.01
    """

    limit: float = 0.01

    def __post_init__(self) -> None:
        """Checks the limit."""
        if not self.limit > 0:
            raise ValueError(f"expected limit > 0, got {self.limit}")

    def constrain(self, network: keras.Layer) -> None:
        """Clips every trainable weight."""
        for variable in network.trainable_variables:
            variable.assign(ops.clip(variable.value, -self.limit, self.limit))

    def check(self, loss: AdversarialLoss) -> None:
        """Only under `Wasserstein` may the logits be small in any unit."""
        if not isinstance(loss, Wasserstein):
            raise ValueError(
                f"WeightClipping holds the logits near 0, where {type(loss).__name__} cannot tell real "
                "from fake: use it with Wasserstein(), or a gradient penalty with this loss"
            )


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class OrthogonalRegularisation(Penalty):
    """Makes the filters of each kernel W of both networks orthogonal, of whatever length,

        weight * sum over kernels |W^T W * (1 - I)|^2   (elementwise product, Frobenius norm).

    A kernel is a trainable weight of two axes or more, a matrix `(inputs, filters)`.

    Args:
        weight: at least 0.

    Source: "Large Scale GAN Training for High Fidelity Natural Image Synthesis" (Brock et al., 2019),
    equation 3.

    >>> layer = keras.layers.Dense(2, kernel_initializer="ones")
    >>> layer.build((None, 3))
    >>> float(OrthogonalRegularisation(1.0).generator(layer))
    18.0
    """

    weight: float = 1e-4

    def discriminator(self, critic: Critic, real: Tensor, fake: Tensor, keys: Tensor) -> Tensor:
        """The penalty of the discriminator's kernels: those of `critic.network`."""
        return self.generator(critic.network)

    def generator(self, network: keras.Layer) -> Tensor:
        """The penalty of a network's kernels."""
        kernels = [v for v in network.trainable_variables if len(v.shape) > 1]
        return self.weight * sum((_off_diagonal(v) for v in kernels), ops.zeros(()))


def _off_diagonal(kernel: keras.Variable) -> Tensor:
    matrix = ops.reshape(ops.cast(kernel.value, "float32"), (-1, kernel.shape[-1]))
    gram = ops.matmul(ops.transpose(matrix), matrix)
    return ops.sum(ops.square(gram * (1.0 - ops.eye(kernel.shape[-1]))))
