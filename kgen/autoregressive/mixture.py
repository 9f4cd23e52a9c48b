"""Mixtures of discretized logistics over the channels of a pixel: pure functions of tensors.

Source: "PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture Likelihood and Other
Modifications" (Salimans et al., 2017), section 2.1 and equations 1 to 3.
"""

import math
from typing import NamedTuple

from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.distributions import DiscretizedLogistic

_SMALLEST = -7.0  # a scale of a tenth of a bin of 256: narrower ones would be as good as certain


class Mixture(NamedTuple):
    """The parameters, the components on the last axis and the channels c on the one before.

    logits `(..., 1, m)`; means and log_scales `(..., c, m)`; slopes `(..., c (c - 1) / 2, m)`: how
    the mean of a channel moves with each channel before it.
    """

    logits: Tensor
    means: Tensor
    log_scales: Tensor
    slopes: Tensor


def rows(channels: int) -> int:
    """How many numbers describe a component: logit, means, log-scales and slopes.

    >>> rows(1), rows(3)
    (3, 10)
    """
    return 1 + 2 * channels + channels * (channels - 1) // 2


def unpack(outputs: Tensor, channels: int, components: int) -> Mixture:
    """Names the outputs `(..., rows(channels) * components)` of a network."""
    x = ops.reshape(outputs, (-1, *outputs.shape[1:-1], rows(channels), components))
    c = channels
    logits, means, log_scales = x[..., :1, :], x[..., 1 : 1 + c, :], x[..., 1 + c : 1 + 2 * c, :]
    slopes = ops.tanh(x[..., 1 + 2 * c :, :])
    return Mixture(logits, means, ops.maximum(log_scales, _SMALLEST), slopes)


def log_prob(mixture: Mixture, x: Tensor, levels: int) -> Tensor:
    """The log-probability of pixels x `(..., channels)` on the grid of the levels, `(...)`, in nats.

    log p(x) = log sum_k pi_k prod_c P(x_c | mu_ck + sum_{d < c} slope_cdk x_d, s_ck)
    """
    total = ops.log_softmax(mixture.logits, axis=-1)[..., 0, :]
    for channel in range(x.shape[-1]):
        value = ops.expand_dims(x[..., channel], -1)
        mean, log_scale = _component(mixture, x, channel)
        flat = [ops.reshape(t + ops.zeros_like(mean), (-1, 1)) for t in (mean, log_scale, value)]
        logistic = DiscretizedLogistic(flat[0], flat[1], levels)
        total = total + ops.reshape(logistic.log_prob(flat[2]), (-1, *mean.shape[1:]))
    return ops.logsumexp(total, axis=-1)


def sample(mixture: Mixture, keys: Tensor, levels: int, temperature: float = 1.0) -> Tensor:
    """Draws one pixel for each key.

    Args:
        mixture: its parameters `(batch, ..., m)` as above, with no further axes.
        keys: int32 `(batch, 2)`.
        levels: of the grid.
        temperature: the logits are divided by it, the scales multiplied.

    Returns:
        float32 `(batch, channels)` on the grid of the levels in [-1, 1].
    """
    component = kgen.random.categorical(
        kgen.random.fold_in(keys, 0), mixture.logits[:, 0] / temperature
    )
    chosen = ops.one_hot(component, mixture.logits.shape[-1], dtype="float32")
    values: list[Tensor] = []
    for channel in range(mixture.means.shape[-2]):
        before = ops.stack(values, axis=-1) if values else None
        mean, log_scale = (
            ops.sum(t * chosen, axis=-1, keepdims=True) for t in _component(mixture, before, channel)
        )
        logistic = DiscretizedLogistic(mean, log_scale + math.log(temperature), levels)
        values.append(logistic.sample(kgen.random.fold_in(keys, 1 + channel))[:, 0])
    return ops.stack(values, axis=-1)


def _component(mixture: Mixture, x: Tensor | None, channel: int) -> tuple[Tensor, Tensor]:
    """Means and log-scales `(..., m)` of a channel, given the channels before it."""
    mean = mixture.means[..., channel, :]
    first = channel * (channel - 1) // 2
    for before in range(channel):
        mean = mean + mixture.slopes[..., first + before, :] * ops.expand_dims(x[..., before], -1)
    return mean, mixture.log_scales[..., channel, :]
