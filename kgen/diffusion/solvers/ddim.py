"""DDIM: the deterministic step, and all between it and DDPM's."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.diffusion.solvers.base import Problem, Solver, fresh_share, noise_like


@keras.saving.register_keras_serializable("kgen")
@dataclass(frozen=True)
class DDIM(Solver):
    """Goes straight on with the predicted data and noise: x_s = a_s data + b_s noise.

    It is exact, in one step, for data of a single point, whose prediction never changes. For Gaussian
    data of standard deviation d it is exact in the mean, and shrinks the deviation in each step by
    cos(u_t - u_s), tan u = b / (a d): so it converges at order 1.

    Args:
        eta: the share of the noise that is drawn anew; 0: none, 1: `Ancestral("small")`.

    Raises ValueError for eta outside [0, 1].

    Source: "Denoising Diffusion Implicit Models" (Song et al., 2021), equations 12 and 16.

    >>> DDIM(eta=1.0).stochastic
    True
    """

    eta: float = 0.0

    def __post_init__(self) -> None:
        """Checks eta."""
        if not 0.0 <= self.eta <= 1.0:
            raise ValueError(f"expected eta in [0, 1], got {self.eta}")

    @property
    def stochastic(self) -> bool:
        """Whether eta > 0."""
        return self.eta > 0.0

    def step(
        self, problem: Problem, x: Tensor, t: Tensor, s: Tensor, keys: Tensor, memory: Any
    ) -> tuple[Tensor, Any]:
        """a_s data + b_s (sqrt(1 - eta^2 share) noise + eta sqrt(share) new noise)."""
        schedule = problem.schedule
        data, noise = problem.predict(x, t)
        if self.stochastic:
            share = fresh_share(schedule, t, s)
            noise = ops.sqrt(1.0 - self.eta**2 * share) * noise
            noise = noise + self.eta * ops.sqrt(share) * noise_like(keys, x)
        return schedule.a(s) * data + schedule.b(s) * noise, memory
