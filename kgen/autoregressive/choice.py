"""How a value is chosen from its distribution: as it is, or leaning to what is likely."""

import dataclasses
import math

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.core.record import Record


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Choice(Record):
    """Temperature, top-k and top-p, in this order; as it stands it changes nothing.

    Args:
        temperature: above 0; log-probabilities are divided by it. Below 1 likely values become
            likelier.
        top_k: at least 1; only the k likeliest values (and those as likely as the k-th) are drawn. 1
            always takes the likeliest. None: all.
        top_p: in (0, 1]; only the likeliest values that together reach this probability. None: all.

    Raises:
        ValueError: where a number is out of range.

    Source: "Hierarchical Neural Story Generation" (Fan et al., 2018), section 5.4, for top-k; "The
    Curious Case of Neural Text Degeneration" (Holtzman et al., 2020), equations 2 and 3, for top-p.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        """Checks the ranges."""
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise ValueError(
                f"expected temperature > 0, got {self.temperature}: top_k=1 takes the likeliest value"
            )
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"expected top_k >= 1, got {self.top_k}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"expected top_p in (0, 1], got {self.top_p}")

    @property
    def truncates(self) -> bool:
        """Whether some values may never be drawn."""
        return self.top_k is not None or self.top_p is not None

    def __call__(self, logits: Tensor) -> Tensor:
        """Gives the logits to draw from, `(..., values)`; minus infinity for what is left out.

        >>> ops.convert_to_numpy(Choice(top_k=2)(ops.convert_to_tensor([[1.0, 3.0, 2.0]]))).tolist()
        [[-inf, 3.0, 2.0]]
        """
        logits = logits / self.temperature
        if self.top_k is not None:
            largest, _ = ops.top_k(logits, min(self.top_k, logits.shape[-1]))
            logits = _at_least(logits, largest[..., -1:])
        if self.top_p is not None:
            logits = _at_least(logits, nucleus_threshold(logits, self.top_p))
        return logits


def nucleus_threshold(logits: Tensor, p: float) -> Tensor:
    """The smallest logit of the smallest set of likeliest values with a probability of at least p.

    Args:
        logits: `(..., values)`.
        p: in (0, 1].

    Returns:
        `(..., 1)`.
    """
    falling, _ = ops.top_k(logits, logits.shape[-1])
    probabilities = ops.softmax(falling, axis=-1)
    likelier = ops.cumsum(probabilities, axis=-1) - probabilities  # the mass before each value
    inside = ops.where(likelier < p, falling, math.inf)
    return ops.min(inside, axis=-1, keepdims=True)


def _at_least(logits: Tensor, threshold: Tensor) -> Tensor:
    return ops.where(logits < threshold, -math.inf, logits)
