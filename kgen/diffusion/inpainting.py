"""Inpainting: samples that agree with the part of each example that is known."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

import kgen.random
from kgen import backend
from kgen.backend import Tensor
from kgen.core import endpoint
from kgen.core.check import check_batch, check_values
from kgen.diffusion.grids import Grid
from kgen.diffusion.sampler import check_finite
from kgen.diffusion.sampling import Plan, Solution, finish
from kgen.diffusion.schedules.base import Schedule
from kgen.diffusion.solvers import Ancestral
from kgen.diffusion.solvers.base import Problem, Solver, fresh_share
from kgen.diffusion.targets import Target

_START = -1  # folds into the key of the first noise; the steps fold in 0, 1, ...
_FRESH = -1  # folds into the key of a step, for the noises here; solvers fold in 0, 1, ...


class InpaintingMixin:
    """`inpaint` of a diffusion model."""

    def inpaint(
        self,
        images: np.ndarray,
        mask: np.ndarray,
        labels: Any = None,
        guidance: Any = None,
        solver: Solver | None = None,
        steps: int | None = None,
        resample: int = 10,
        grid: Grid | None = None,
        interval: tuple[float, float] | None = None,
        seed: int | None = None,
        batch_size: int = 256,
        **conditions: Any,
    ) -> np.ndarray:
        """Draws what a mask leaves open, given the rest, in one compiled loop; no training is needed.

        After each step to a time s the known values are replaced by a(s) x + b(s) z, z fresh. Replaced
        only once, they and the drawn ones do not fit together, however many the steps: `resample`
        takes each step but the last so many times, with fresh noise back to its start in between.

        Args:
            images: float32 `(n, ...)`, images in [-1, 1]; what they hold where they are not known does
                not matter, and may be NaN. Repeat one to see several ways to complete it.
            mask: bool, or zeros and ones: True where the value is known. Of the shape of one example
                or of `images`; the last axis may be 1, for all channels.
            labels, guidance, seed, batch_size, conditions: as in `sample`.
            solver: None: `Ancestral()`, that of the paper. Each step stands alone: a solver that
                remembers earlier steps takes its first one every time.
            steps, grid, interval: None: those of `plan`.
            resample: how often each step but the last is taken, and so how much longer drawing takes;
                1: known values are replaced, and that is all.

        Returns:
            float32, of the shape of `images`: known values exactly as given.

        Raises:
            ValueError: for images or a mask of another shape, type or range, resample < 1, an adaptive
                solver, and what `sample` refuses.
            FloatingPointError: where the network's output is not finite.

        Source: "RePaint: Inpainting using Denoising Diffusion Probabilistic Models" (Lugmayr et al.,
        2022), algorithm 1, for any schedule.

        >>> import kgen
        >>> model = kgen.Diffusion(kgen.networks.residual_mlp(2, width=8))
        >>> points = np.array([[0.5, np.nan]] * 3, "float32")
        >>> model.inpaint(points, np.array([True, False]), steps=4, resample=2, seed=0)[:, 0].tolist()
        [0.5, 0.5, 0.5]
        """
        images, mask = check_known(images, mask, self.data_shape, self.data_range)
        n = len(images)
        arrays = self._conditions(n, labels, conditions)
        arrays += self._guidance(n, guidance, told=self._asked(labels, conditions))
        plan = self.chosen(solver if solver is not None else Ancestral(), steps, grid, interval)
        _check_loop(plan, resample)
        times = plan.times(self.averaged[1], self.target)  # mistakes before anything is compiled
        options = {"plan": plan, "resample": resample, "batch_size": min(batch_size, n)}
        solution = self.fill(kgen.random.keys(seed, n), images, mask, *arrays, **options)
        check_finite(solution.failed, times)
        return solution.samples

    @endpoint
    def fill(
        self,
        seed: Tensor,
        examples: Tensor,
        mask: Tensor,
        *conditions: Tensor,
        plan: Plan,
        resample: int,
    ) -> Solution:
        """Draws what a mask leaves open, and says whether it stayed finite; see `inpaint`.

        The mask is bool, of the shape of the examples; the conditions are those of `generate`.
        """

        def problem(*conditions: Tensor) -> Problem:
            return self.problem(*self.told(conditions), plan.interval)

        how = plan, resample, self.averaged[1], self.target
        solution = repaint(*how, problem, examples, mask, seed, *conditions)
        samples = solution.samples if self.clip is None else ops.clip(solution.samples, *self.clip)
        return Solution(ops.where(mask, examples, samples), solution.failed)


def repaint(
    plan: Plan,
    resample: int,
    schedule: Schedule,
    target: Target,
    problem: Callable[..., Problem],
    examples: Tensor,
    mask: Tensor,
    keys: Tensor,
    *constants: Tensor,
) -> Solution:
    """RePaint's algorithm 1.

    Args:
        plan, resample: how.
        schedule, target: of the model.
        problem: takes the constants, gives what to solve.
        examples: float32 `(batch, ...)`, finite.
        mask: bool, of that shape: where they are known.
        keys: int32 `(batch, 2)`.
        constants: the tensors that the problem needs.

    Returns:
        Samples of the shape of the examples, the known values with what noise the schedule has at its
        end; and int32 `(batch,)`, the first step that was not finite, or 0.
    """
    grid = plan.times(schedule, target)
    shape = tuple(examples.shape[1:])

    def step(
        i: Tensor, state: tuple, examples: Tensor, mask: Tensor, keys: Tensor, *rest: Any
    ) -> tuple:
        x, failed = state
        k = i // resample
        t, s = (ops.take(ops.convert_to_tensor(grid), k + j) for j in (0, 1))
        keys = kgen.random.fold_in(keys, i)
        z = kgen.random.normal(kgen.random.fold_in(keys, _FRESH), (2, *shape))
        x = ops.where(i % resample > 0, forward(schedule, x, s, t, z[:, 0]), x)
        x, _ = plan.solver.step(problem(*rest), x, t, s, keys, plan.solver.start(x))
        finite = ops.all(ops.isfinite(ops.reshape(x, (ops.shape(x)[0], -1))), axis=-1)
        failed = ops.where((failed == 0) & ~finite, k + 1, failed)
        known = schedule.a(s) * examples + schedule.b(s) * z[:, 1]
        return ops.where(mask, known, x), failed

    start = kgen.random.normal(kgen.random.fold_in(keys, _START), shape)
    state = (schedule.b(ops.convert_to_tensor(grid[0])) * start, ops.zeros_like(keys[:, 0]))
    times = (len(grid) - 2) * resample + 1  # the last step, to data, is taken once
    x, failed = backend.fori_loop(times, step, state, examples, mask, keys, *constants)
    if grid[-1] > 0.0 or schedule.first == 0.0:  # VE has noise at t = 0, too
        x = finish(plan.solver, problem, x, grid[-1], *constants)
    return Solution(x, failed)


def forward(schedule: Schedule, x: Tensor, s: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """Draws x_t from x_s, s < t: x_t = a_t / a_s x_s + b_t sqrt(1 - SNR(t) / SNR(s)) z.

    Source: "Variational Diffusion Models" (Kingma et al., 2021), appendix A.
    """
    share = fresh_share(schedule, t, s)
    return schedule.a(t) / schedule.a(s) * x + schedule.b(t) * ops.sqrt(share) * noise


def check_known(
    images: Any,
    mask: Any,
    shape: tuple[int | None, ...],
    limits: tuple[float, float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gives the images as float32 with zeros where they are not known, and the mask in their shape.

    Args:
        images: `(n, *shape)`.
        mask: bool or 0 and 1; of the shape of an example or of the images, the last axis may be 1.
        shape: of an example.
        limits: the range of known values; None: any.

    Raises ValueError for other shapes and types, other values of the mask, and known values that are
    not finite or out of range.

    >>> images, mask = check_known(np.ones((1, 2, 2, 1), "float32"), np.eye(2)[..., None], (2, 2, 1))
    >>> images[0, ..., 0].tolist(), mask.dtype
    ([[1.0, 0.0], [0.0, 1.0]], dtype('bool'))
    """
    images, mask = np.asarray(images), np.asarray(mask)
    check_batch(images, shape, limits=limits)
    fitting = [
        (*b, *s) for b in ((), images.shape[:1]) for s in (images.shape[1:], (*images.shape[1:-1], 1))
    ]
    if mask.shape not in fitting:
        hint = ": add the channel axis, mask[..., None]" if (*mask.shape, 1) in fitting else ""
        raise ValueError(
            f"expected a mask of shape {fitting[0]} or {fitting[2]}, or with 1 as the last axis, got "
            f"{mask.shape}{hint}"
        )
    if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
        raise ValueError(
            f"expected a mask of booleans, or zeros and ones (1: known), got {mask.dtype} in "
            f"[{mask.min():g}, {mask.max():g}]: compare it with a threshold, mask > 0.5"
        )
    mask = np.broadcast_to(mask.astype(bool), images.shape).copy()
    known = np.where(mask, images, 0.0).astype("float32")
    check_values(known, shape, limits=limits)
    return known, mask


def _check_loop(plan: Plan, resample: int) -> None:
    if resample < 1:
        raise ValueError(f"expected resample >= 1, got {resample}")
    if plan.solver.adaptive:
        raise ValueError(
            f"{type(plan.solver).__name__} has no fixed steps between which known values could be "
            "put in: use Ancestral() or Heun()"
        )
