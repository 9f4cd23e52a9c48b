"""What the transforms of single numbers share: parameters come from outside, weights there are none."""

from keras import ops

from kgen.backend import Tensor
from kgen.core.record import Record


class Elementwise(Record):
    """A bijection of each number by itself, monotone, with its own parameters.

    `parameters` says how many a number has: params is `(*x.shape, parameters)`. Zeros mean the
    identity, so that a network whose last layer starts at zero starts there.
    """

    parameters: int = 1

    def call_and_ladj(self, x: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """Gives y and log |dy/dx|, both of the shape of x."""
        raise NotImplementedError

    def inverse_and_ladj(self, y: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """Gives x and log |dx/dy|, both of the shape of y."""
        raise NotImplementedError


def per_example(x: Tensor) -> Tensor:
    """Sums over all axes but the first: `(batch, ...)` to `(batch,)`."""
    return ops.sum(x, axis=tuple(range(1, len(x.shape))))


def zero_ladj(x: Tensor) -> Tensor:
    """A zero for each example of x: `(batch,)`, of the type of x."""
    return ops.zeros_like(x[(slice(None), *[0] * (len(x.shape) - 1))])
