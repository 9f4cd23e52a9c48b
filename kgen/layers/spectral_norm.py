"""Spectral normalisation: a layer whose kernel has norm 1."""

from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.backend.scope import ChildScope
from kgen.layers.initializers import Normal


@keras.saving.register_keras_serializable("kgen")
class SpectralNormalization(keras.layers.Wrapper):
    """Divides a layer's kernel by its largest singular value, so that the layer is 1-Lipschitz,

        W / sigma,   sigma = u^T W v,

    where W is the kernel as a matrix `(inputs, filters)`, and u and v come from power iterations that
    go on from step to step: v <- W^T u / |W^T u|, u <- W v / |W v|. In training u is kept.

    Not `keras.layers.SpectralNormalization`, which writes W / sigma into the weight itself: the
    optimizer then moves another weight than the one whose gradient it has, and none reaches through
    sigma.

    Args:
        layer: with a kernel: Dense, Conv2D, Conv2DTranspose; an Embedding. It keeps its weights.
        iterations: of the power method in each call, at least 1.
        kwargs: of `keras.layers.Wrapper`: name, dtype, trainable.

    Raises:
        ValueError: for fewer iterations, or a layer without a kernel.

    Source: "Spectral Normalization for Generative Adversarial Networks" (Miyato et al., 2018),
    algorithm 1. A convolution's kernel is taken as that matrix, too, as in the paper.

    >>> import numpy as np
    >>> dense = keras.layers.Dense(3, kernel_initializer="ones")  # has norm 3
    >>> y = SpectralNormalization(dense)(np.ones((1, 3), "float32"))
    >>> [round(float(value), 4) for value in y[0]]
    [1.0, 1.0, 1.0]
    """

    def __init__(self, layer: keras.Layer, iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        if iterations < 1:
            raise ValueError(f"expected iterations >= 1, got {iterations}")
        self.iterations = iterations

    def build(self, input_shape: Any = None) -> None:
        """Builds the layer and the vector u."""
        super().build(input_shape)
        if not hasattr(self.layer, "kernel") and not hasattr(self.layer, "embeddings"):
            raise ValueError(f"{type(self.layer).__name__} has no kernel to normalise")
        rows = ops.reshape(self.kernel.value, (-1, self.kernel.shape[-1])).shape[0]
        start = Normal(1.0, seed=0)  # of no direction that a kernel could be orthogonal to
        self.u = self.add_weight(
            shape=(rows,), trainable=False, initializer=start, dtype="float32", name="u"
        )

    @property
    def kernel(self) -> keras.Variable:
        """The weight, before it is normalised."""
        return self.layer.kernel if hasattr(self.layer, "kernel") else self.layer.embeddings

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Runs the layer with the normalised kernel."""
        kernel = self.kernel.value
        sigma, u = self._power_method(ops.cast(kernel, "float32"))
        if training:
            self.u.assign(u)
        with ChildScope([(self.kernel, kernel / ops.cast(sigma, kernel.dtype))]):
            return self.layer(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the layer."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {**super().get_config(), "iterations": self.iterations}

    def _power_method(self, kernel: Tensor) -> tuple[Tensor, Tensor]:
        """Estimates the largest singular value, differentiable, and gives the next u."""
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        fixed, u = ops.stop_gradient(matrix), self.u.value
        for _ in range(self.iterations):
            v = _unit(ops.matmul(u, fixed))
            u = _unit(ops.matmul(fixed, v))
        sigma = ops.sum(ops.matmul(u, matrix) * v)
        return ops.maximum(sigma, 1e-12), u


def _unit(x: Tensor) -> Tensor:
    return x / ops.maximum(ops.sqrt(ops.sum(ops.square(x))), 1e-12)
