"""Distributions over batches: sample, log_prob, kl_divergence. Pure functions of their parameters.

The first axis of a distribution's parameters is the batch. `log_prob` is in nats and sums over all
other axes: one number an example. `sample(key)` has the shape of the parameters; one key `(2,)`
serves the whole batch, keys `(batch, 2)` draw each example from its own.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar

import keras
from keras import ops

from kgen import random
from kgen.backend import Tensor


class _Parametric:
    """The base of the distributions over batches: parameters become tensors, at least float32."""

    _parameters: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        for name in self._parameters:
            object.__setattr__(self, name, _at_least_float32(getattr(self, name)))


@dataclasses.dataclass(frozen=True, eq=False)
class DiagonalNormal(_Parametric):
    """Independent normal variables.

    Args:
        mean: float `(batch, ...)`.
        scale: the standard deviations, above 0; the shape of `mean`.

    >>> import numpy as np
    >>> normal = DiagonalNormal(np.zeros((1, 2), "float32"), np.ones((1, 2), "float32"))
    >>> round(float(normal.log_prob(np.zeros((1, 2), "float32"))[0]), 4)
    -1.8379
    """

    mean: Tensor
    scale: Tensor

    _parameters = ("mean", "scale")

    @property
    def mode(self) -> Tensor:
        """The mean."""
        return self.mean

    def sample(self, key: Tensor) -> Tensor:
        """Draws mean + scale * noise, differentiable in both parameters."""
        return self.mean + self.scale * _noise(random.normal, key, self.mean)

    def log_prob(self, x: Tensor) -> Tensor:
        """The log-density of each example, `(batch,)`."""
        z = (ops.cast(x, self.mean.dtype) - self.mean) / self.scale
        # log N(x; m, s) = -z**2 / 2 - log s - log(2 pi) / 2
        return _sum(-0.5 * ops.square(z) - ops.log(self.scale) - 0.5 * math.log(2.0 * math.pi))


@dataclasses.dataclass(frozen=True, eq=False)
class Bernoulli(_Parametric):
    """Independent coins.

    Args:
        logits: log-odds of a one, `(batch, ...)`.
    """

    logits: Tensor

    _parameters = ("logits",)

    @property
    def mean(self) -> Tensor:
        """The probability of a one."""
        return ops.sigmoid(self.logits)

    @property
    def mode(self) -> Tensor:
        """One where a one is likelier than a zero, as floats."""
        return ops.cast(self.logits > 0, self.logits.dtype)

    def sample(self, key: Tensor) -> Tensor:
        """Draws zeros and ones, as floats."""
        ones = _noise(random.uniform, key, self.logits) < self.mean
        return ops.cast(ones, self.logits.dtype)

    def log_prob(self, x: Tensor) -> Tensor:
        """The log-probability of each example, `(batch,)`.

        x lies in [0, 1]; between the ends this is the negative cross-entropy, which is not
        normalised.

        >>> import numpy as np
        >>> round(float(Bernoulli(np.zeros((1, 2), "float32")).log_prob(np.ones((1, 2)))[0]), 4)
        -1.3863
        """
        # x log p + (1 - x) log(1 - p) with p = sigmoid(l)
        return _sum(ops.cast(x, self.logits.dtype) * self.logits - ops.softplus(self.logits))


@dataclasses.dataclass(frozen=True, eq=False)
class Categorical(_Parametric):
    """Independent choices of one class out of several.

    Args:
        logits: unnormalised log-probabilities, `(batch, ..., classes)`. Values x are integers
            `(batch, ...)`.
    """

    logits: Tensor

    _parameters = ("logits",)

    @property
    def probabilities(self) -> Tensor:
        """The probability of each class, in the shape of the logits."""
        return ops.softmax(self.logits, axis=-1)

    @property
    def mode(self) -> Tensor:
        """The likeliest class, int32."""
        return ops.cast(ops.argmax(self.logits, axis=-1), "int32")

    def sample(self, key: Tensor) -> Tensor:
        """Draws int32 class numbers."""
        return random.categorical(random.per_example(key, ops.shape(self.logits)[0]), self.logits)

    def log_prob(self, x: Tensor) -> Tensor:
        """The log-probability of each example, `(batch,)`; x integers in [0, classes)."""
        chosen = ops.one_hot(x, self.logits.shape[-1], dtype=self.logits.dtype)
        return _sum(chosen * ops.log_softmax(self.logits, axis=-1))


@dataclasses.dataclass(frozen=True, eq=False)
class DiscretizedLogistic(_Parametric):
    """Independent logistic variables, rounded to a grid; the outer bins reach to infinity.

    Args:
        mean: float `(batch, ...)`, in the units of x.
        log_scale: of the logistic, the shape of `mean`; limited to [-30, 30].
        levels: how many grid points, at least 2.
        low: first grid point.
        high: last grid point.

    Raises:
        ValueError: where there are fewer than two levels, or low is not below high.

    Source: "PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture Likelihood and
    Other Modifications" (Salimans et al., 2017), equation 2.

    >>> import numpy as np
    >>> zeros = np.zeros((1, 1), "float32")
    >>> round(float(DiscretizedLogistic(zeros, zeros, levels=2).log_prob(zeros - 1)[0]), 4)
    -0.6931
    """

    mean: Tensor
    log_scale: Tensor
    levels: int = 256
    low: float = -1.0
    high: float = 1.0

    _parameters = ("mean", "log_scale")

    def __post_init__(self) -> None:
        """Checks the grid."""
        super().__post_init__()
        if self.levels < 2 or not self.low < self.high:
            raise ValueError(
                f"expected levels >= 2 and low < high, got levels={self.levels}, "
                f"low={self.low}, high={self.high}"
            )

    @property
    def rounded_mean(self) -> Tensor:
        """The grid point nearest to the mean; an open outer bin may be likelier than that."""
        return self._round(self.mean)

    @property
    def width(self) -> float:
        """The distance of two grid points."""
        return (self.high - self.low) / (self.levels - 1)

    def sample(self, key: Tensor) -> Tensor:
        """Draws grid points; no gradient."""
        u = _noise(random.uniform, key, self.mean)
        # the quantile function of the logistic: mean + scale * log(u / (1 - u))
        logit = ops.log(u) - ops.log(1.0 - u)
        return self._round(self.mean + ops.exp(self._log_scale()) * logit)

    def log_prob(self, x: Tensor) -> Tensor:
        """The log-probability of each example, `(batch,)`; x on the grid."""
        # P(x) = sigmoid(b) - sigmoid(a), a and b the edges of the bin, is a difference of nearly
        # equal numbers in the tails. Exactly the same, and a sum of finite logarithms, is
        #     log P(x) = log sigmoid(b) + log sigmoid(-a) + log(1 - exp(a - b)),
        # whose last term depends on the bin's width only.
        inverse_scale = ops.exp(-self._log_scale())
        x = ops.cast(x, self.mean.dtype)
        centre = (x - self.mean) * inverse_scale
        half = 0.5 * self.width * inverse_scale
        below_b, above_a = ops.log_sigmoid(centre + half), ops.log_sigmoid(half - centre)
        inside = below_b + above_a + ops.log(-ops.expm1(-2.0 * half))
        edge = 0.5 * self.width
        upper = ops.where(x > self.high - edge, above_a, inside)  # b is infinite
        return _sum(ops.where(x < self.low + edge, below_b, upper))  # a is minus infinity

    def _log_scale(self) -> Tensor:
        # Beyond these, exp would overflow on its way through the formula and its gradient.
        return ops.clip(self.log_scale, -30.0, 30.0)

    def _round(self, x: Tensor) -> Tensor:
        index = ops.round((x - self.low) / self.width)
        return self.low + self.width * ops.clip(index, 0, self.levels - 1)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class StandardNormal:
    """The prior N(0, I): a normal distribution without parameters, serialised by Keras.

    Args:
        shape: of one draw, without the batch.

    >>> StandardNormal((3,)).sample(random.keys(0, 5)).shape[0]
    5
    """

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        """Takes a list too: that is what a saved configuration holds."""
        object.__setattr__(self, "shape", tuple(self.shape))

    def sample(self, keys: Tensor) -> Tensor:
        """Draws `(batch, *shape)` from keys `(batch, 2)`, or one `shape` from a key `(2,)`."""
        return random.normal(keys, self.shape)

    def log_prob(self, z: Tensor) -> Tensor:
        """The log-density of each example of z `(batch, *shape)`, `(batch,)`."""
        z = _at_least_float32(z)
        return _sum(-0.5 * ops.square(z) - 0.5 * math.log(2.0 * math.pi))

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {"shape": self.shape}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "StandardNormal":
        """Makes the prior from its arguments."""
        return cls(**config)


def kl_divergence(p: Any, q: Any) -> Tensor:
    """The Kullback-Leibler divergence KL(p || q) of each example in nats, `(batch,)`.

    Args:
        p: a `DiagonalNormal`, `Bernoulli` or `Categorical`.
        q: of the same class and shape; for a `DiagonalNormal` also a `StandardNormal`.

    Raises:
        TypeError: where this pair has no closed form here.

    >>> import numpy as np
    >>> one = np.ones((1, 3), "float32")
    >>> float(kl_divergence(DiagonalNormal(one, one), StandardNormal((3,)))[0])
    1.5
    """
    if (type(p), type(q)) not in _KL:
        known = ", ".join(f"({a.__name__}, {b.__name__})" for a, b in _KL)
        raise TypeError(
            f"no closed form of KL({type(p).__name__} || {type(q).__name__}); there is one for "
            f"{known}. Estimate it by the mean of p.log_prob(x) - q.log_prob(x), x drawn from p"
        )
    return _KL[type(p), type(q)](p, q)


def _kl_normal(p: DiagonalNormal, q: DiagonalNormal) -> Tensor:
    # KL = log(s_q / s_p) + (s_p**2 + (m_p - m_q)**2) / (2 s_q**2) - 1/2
    ratio = ops.square(p.scale / q.scale)
    distance = ops.square((p.mean - q.mean) / q.scale)
    return _sum(0.5 * (ratio + distance - 1.0 - ops.log(ratio)))


def _kl_standard(p: DiagonalNormal, q: StandardNormal) -> Tensor:
    variance = ops.square(p.scale)
    return _sum(0.5 * (variance + ops.square(p.mean) - 1.0) - ops.log(p.scale))


def _kl_bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    # KL = mean_p (l_p - l_q) - log(1 + exp l_p) + log(1 + exp l_q)
    linear = p.mean * (p.logits - q.logits)
    return _sum(linear - ops.softplus(p.logits) + ops.softplus(q.logits))


def _kl_categorical(p: Categorical, q: Categorical) -> Tensor:
    log_ratio = ops.log_softmax(p.logits, axis=-1) - ops.log_softmax(q.logits, axis=-1)
    return _sum(p.probabilities * log_ratio)


_KL: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {
    (DiagonalNormal, DiagonalNormal): _kl_normal,
    (DiagonalNormal, StandardNormal): _kl_standard,
    (Bernoulli, Bernoulli): _kl_bernoulli,
    (Categorical, Categorical): _kl_categorical,
}


def _at_least_float32(x: Tensor) -> Tensor:
    """A tensor of float64 where x is, else of float32: half precision is too coarse for sums."""
    x = ops.convert_to_tensor(x)
    dtype = keras.backend.standardize_dtype(x.dtype)
    return x if dtype == "float64" else ops.cast(x, "float32")


def _noise(draw: Callable[..., Tensor], key: Tensor, like: Tensor) -> Tensor:
    """Noise of the shape of `like`, whose batch may be unknown while a graph is traced."""
    keys = random.per_example(key, ops.shape(like)[0])
    return ops.cast(draw(keys, tuple(like.shape[1:])), like.dtype)


def _sum(x: Tensor) -> Tensor:
    """Sums over all axes but the first."""
    return ops.sum(x, axis=tuple(range(1, len(x.shape))))
