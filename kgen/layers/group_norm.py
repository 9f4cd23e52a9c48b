"""Group normalisation, fast on every backend."""

from typing import Any

import keras
from keras import ops

from kgen import backend
from kgen.backend import Tensor


@keras.saving.register_keras_serializable("kgen")
class GroupNormalization(keras.layers.GroupNormalization):
    """Gives what `keras.layers.GroupNormalization` gives on channels-last data, faster.

    torch has a fused operation. For TensorFlow and JAX the means are taken over the positions first,
    so that the images are never reshaped to groups, whose few channels make slow sums.

    Args:
        groups: a divisor of the channels; see `group_count`.
        epsilon: added to the variances. Not Keras' 1e-3: the variances of a deep network can be small.
        kwargs: of `keras.layers.GroupNormalization`, but for its axis: scale, center, name, ...

    Source: "Group Normalization" (Wu and He, 2018), equations 1, 2 and 7.

    >>> import numpy as np
    >>> tuple(GroupNormalization(4)(np.zeros((2, 7, 7, 8), "float32")).shape)
    (2, 7, 7, 8)
    """

    def __init__(self, groups: int = 32, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(groups, epsilon=epsilon, **kwargs)
        if self.axis != -1:
            raise ValueError(f"expected the channels last, axis=-1, got axis={self.axis}")

    def call(self, inputs: Tensor) -> Tensor:
        """Normalises `(batch, ..., channels)` by example and group of channels."""
        if len(inputs.shape) < 3 or isinstance(inputs, keras.KerasTensor):
            return super().call(inputs)
        # In half precision the sums overflow: float32 inside, as in Keras.
        x = ops.cast(inputs, "float32")
        scale = ops.cast(self.gamma, "float32") if self.scale else None
        offset = ops.cast(self.beta, "float32") if self.center else None
        outputs = group_norm(x, scale, offset, self.groups, self.epsilon)
        return ops.cast(outputs, self.compute_dtype)


def group_norm(
    x: Tensor, scale: Tensor | None, offset: Tensor | None, groups: int, epsilon: float
) -> Tensor:
    """Computes y = scale (x - mean) / sqrt(variance + epsilon) + offset for each group of channels.

    Args:
        x: float `(batch, ..., channels)`, with at least one axis between.
        scale: float `(channels,)`; None: 1.
        offset: float `(channels,)`; None: 0.
        groups: a divisor of the channels; neighbours form a group.
        epsilon: positive.
    """
    fused = backend.group_norm(x, scale, offset, groups, epsilon)
    if fused is not None:
        return fused
    # Not `ops.moments`: TensorFlow's leaves a part out of its second derivative.
    positions = tuple(range(1, len(x.shape) - 1))
    centred = x - _over_groups(ops.mean(x, positions, keepdims=True), groups)
    variance = _over_groups(ops.mean(ops.square(centred), positions, keepdims=True), groups)
    factor = ops.rsqrt(variance + epsilon)
    y = centred * (factor if scale is None else factor * scale)
    return y if offset is None else y + offset


def group_count(channels: int) -> int:
    """Gives the largest divisor of the channels up to 32 that leaves a group four of them or more.

    >>> [group_count(channels) for channels in (3, 8, 48, 64, 256)]
    [1, 2, 12, 16, 32]
    """
    return max(n for n in range(1, 33) if channels % n == 0 and (n == 1 or channels >= 4 * n))


def _over_groups(means: Tensor, groups: int) -> Tensor:
    """Averages `(batch, 1, ..., channels)` over each group; every channel gets its group's mean."""
    channels = means.shape[-1]
    grouped = ops.reshape(means, (-1, groups, channels // groups))
    grouped = ops.mean(grouped, axis=-1, keepdims=True)
    return ops.reshape(ops.repeat(grouped, channels // groups, axis=-1), ops.shape(means))
