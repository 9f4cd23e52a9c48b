"""The errors of a trained diffusion model, and the best variance of its reverse steps."""

from typing import Any

import numpy as np
from keras import ops

import kgen.random
from kgen import backend
from kgen.backend import Tensor
from kgen.core import endpoint
from kgen.diffusion.grids import Grid
from kgen.diffusion.sampling import Plan
from kgen.diffusion.solvers import AnalyticVariance, Ancestral


class AnalyticMixin:
    """`analytic_variance` of a diffusion model."""

    @endpoint
    def data_errors(
        self, x: Tensor, seed: Tensor, *conditions: Tensor, times: tuple[float, ...]
    ) -> Tensor:
        """The squared error of the predicted data at each time, a mean over dimensions.

        Float32 `(batch, len(times))`, of examples `(batch, ...)` with fresh noise at each time.
        """

        def measure(i: Tensor, errors: Tensor, x: Tensor, seed: Tensor, *conditions: Tensor) -> Tensor:
            problem = self.problem(dict(zip(self.conditions.names, conditions, strict=True)))
            t = ops.take(ops.convert_to_tensor(np.array(times, "float32")), i)
            noise = kgen.random.normal(kgen.random.fold_in(seed, i), tuple(x.shape[1:]))
            x_t = problem.schedule.a(t) * x + problem.schedule.b(t) * noise
            error = ops.reshape(ops.square(problem.predict(x_t, t)[0] - x), (ops.shape(x)[0], -1))
            here = ops.cast(ops.arange(len(times)) == i, "float32")
            return errors + here * ops.mean(error, axis=-1, keepdims=True)

        x = ops.cast(x, "float32")
        empty = ops.zeros_like(ops.reshape(x, (ops.shape(x)[0], -1))[:, :1])
        errors = ops.repeat(empty, len(times), axis=1)
        return backend.fori_loop(len(times), measure, errors, x, seed, *conditions)

    def analytic_variance(
        self,
        x: np.ndarray,
        labels: Any = None,
        steps: int | None = None,
        grid: Grid | None = None,
        seed: int | None = 0,
        batch_size: int = 256,
        **conditions: Any,
    ) -> AnalyticVariance:
        """Estimates the best variance of the reverse steps, by one pass over data.

        Args:
            x: examples `(n, ...)`, of the training data; a thousand images are enough.
            labels, conditions: what the network takes, by name; one for all, or one each.
            steps, grid: those with which `sample` will be called, or finer ones; None: those of `plan`.
            seed: of the noise.
            batch_size: how many at once.

        Returns:
            What `Ancestral` takes: `model.sample(n, solver=Ancestral(variance), steps=steps)`.

        Source: "Analytic-DPM: an Analytic Estimate of the Optimal Reverse Variance in Diffusion
        Probabilistic Models" (Bao et al., 2022), section 3.1.

        >>> import kgen
        >>> model = kgen.Diffusion(kgen.networks.residual_mlp(2, width=8))
        >>> variance = model.analytic_variance(np.ones((8, 2), "float32"), steps=4)
        >>> [round(t, 2) for t in variance.times]
        [0.25, 0.5, 0.75, 1.0]
        """
        default = self.plan()
        steps = default.steps if steps is None else steps
        plan = Plan(Ancestral(), steps, grid if grid is not None else default.grid)
        times = plan.times(self.schedule, self.target)[-2::-1].tolist()  # rising, without the last
        arrays = self._conditions(len(x), labels, conditions)
        keys = kgen.random.keys(seed, len(x))
        errors = self.data_errors(
            np.asarray(x), keys, *arrays, times=tuple(times), batch_size=batch_size
        )
        return AnalyticVariance(tuple(times), tuple(errors.mean(axis=0, dtype="float64").tolist()))
