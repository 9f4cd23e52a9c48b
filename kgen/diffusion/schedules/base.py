"""What a schedule is: how much data and how much noise there is at each time."""

from keras import ops

from kgen.backend import Tensor
from kgen.core.record import Record


class Schedule(Record):
    """The base of the schedules a(t), b(t) of x_t = a(t) x + b(t) z, z standard normal.

    t = 0 is data, t = 1 is noise. All methods take and give float32 tensors of any shape, element by
    element. A schedule of your own defines `a`, `b`, their derivatives, and `time_of`.

    Attributes:
        steps: how many steps a discrete schedule has; None: it is continuous.
        learned: whether it has weights; then no program may be decided by its numbers.
        first, last: the times that training and sampling use; inside (0, 1) where the score or the
            derivative is infinite at an end.
    """

    steps: int | None = None
    learned: bool = False
    first: float = 1e-4
    last: float = 1.0

    def a(self, t: Tensor) -> Tensor:
        """The factor of the data; positive for t < 1."""
        raise NotImplementedError

    def b(self, t: Tensor) -> Tensor:
        """The standard deviation of the noise; positive for t > 0."""
        raise NotImplementedError

    def a_rate(self, t: Tensor) -> Tensor:
        """The derivative of a."""
        raise NotImplementedError

    def b_rate(self, t: Tensor) -> Tensor:
        """The derivative of b."""
        raise NotImplementedError

    def log_snr(self, t: Tensor) -> Tensor:
        """The logarithm of the signal-to-noise ratio, 2 log(a / b); it falls from data to noise."""
        return 2.0 * (ops.log(self.a(t)) - ops.log(self.b(t)))

    def time_of(self, log_snr: Tensor) -> Tensor:
        """The time at which the log-SNR has this value: the inverse of `log_snr`, within [0, 1]."""
        raise NotImplementedError

    def log_snr_rate(self, t: Tensor) -> Tensor:
        """The derivative of `log_snr`, at most 0."""
        return 2.0 * (self.a_rate(t) / self.a(t) - self.b_rate(t) / self.b(t))

    def data_left(self) -> bool:
        """Whether a / b > 0.001 at `last`. It looks at numbers: call it outside traced programs."""
        end = ops.convert_to_tensor(self.last)
        return float(self.a(end) / self.b(end)) > 1e-3

    def data_time(self) -> float:
        """0 where the schedule ends in data, else `first`. It looks at numbers, as `data_left` does."""
        return 0.0 if float(self.b(ops.zeros(()))) == 0.0 else self.first

    def drift(self, t: Tensor) -> Tensor:
        """f(t) of the forward equation dx = f x dt + g dw: a' / a."""
        return self.a_rate(t) / self.a(t)

    def diffusion_squared(self, t: Tensor) -> Tensor:
        """g(t)^2 of the forward equation: 2 b b' - 2 f b^2, which is -b^2 times `log_snr_rate`.

        Source: "Variational Diffusion Models" (Kingma et al., 2021), section 3 and appendix.
        """
        return -ops.square(self.b(t)) * self.log_snr_rate(t)

    def mix(self, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t = a(t) x + b(t) z for examples `(batch, ...)` and times `(batch,)`."""
        return like(self.a(t), x) * x + like(self.b(t), x) * noise


def like(coefficient: Tensor, x: Tensor) -> Tensor:
    """Gives a coefficient for each example, `(batch,)` or a scalar, the rank of x `(batch, ...)`."""
    if len(coefficient.shape) == 0:
        return coefficient
    return ops.reshape(coefficient, (-1,) + (1,) * (len(x.shape) - 1))
