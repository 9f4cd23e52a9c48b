"""How the autoregressive model is asked for samples and completions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

import kgen.random
from kgen.autoregressive import loop
from kgen.autoregressive.checks import examples
from kgen.autoregressive.choice import Choice
from kgen.backend import Tensor
from kgen.core import endpoint
from kgen.networks.stepping import Stepper


class SamplingMixin:
    """The part of `Autoregressive` that draws."""

    @endpoint
    def generate(
        self, seed: Tensor, *conditions: Tensor, choice: Choice | None = None, cached: bool = True
    ) -> Tensor:
        """Turns keys, int32 `(batch, 2)`, into samples.

        Args:
            seed: the keys.
            conditions: in the order of the network's inputs.
            choice: None: `Choice()`, values as likely as the model says.
            cached: False: run the whole network for every position; slower, the same samples. So it
                is for networks with layers that cannot take one position at a time.
        """
        nothing = ops.zeros((ops.shape(seed)[0], *self.shape), "int32" if self.integers else "float32")
        return self._draw(nothing, ops.zeros_like(seed[:, 0]), seed, conditions, choice, cached)

    @endpoint
    def extend(
        self,
        x: Tensor,
        given: Tensor,
        seed: Tensor,
        *conditions: Tensor,
        choice: Choice | None = None,
        cached: bool = True,
    ) -> Tensor:
        """Keeps the first `given` positions, int32 `(batch,)`, of x, and draws the others.

        See `generate` for the rest. The draws are exact: from p(rest | what is given).
        """
        return self._draw(x, given, seed, conditions, choice, cached)

    def draw(
        self,
        keys: np.ndarray,
        given: dict[str, Any],
        batch_size: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> np.ndarray:
        """Draws a sample from each key in one compiled loop; see `sample`.

        Args:
            keys: int32 `(n, 2)`.
            given: conditions by name.
            batch_size: how many at once.
            temperature, top_k, top_p: see `Choice`.

        Raises ValueError for conditions that do not fit the model, and numbers out of range.
        """
        arrays = self.conditions.arrays(len(keys), **given)
        choice = Choice(temperature, top_k, top_p)
        return self.generate(keys, *arrays, choice=choice, batch_size=batch_size)

    def complete(
        self,
        x: Any,
        given: Any,
        labels: Any = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        batch_size: int = 256,
        **conditions: Any,
    ) -> np.ndarray:
        """Keeps the beginning of each example and draws the rest of it.

        Args:
            x: examples `(n, *shape)`; what stands behind the given positions is not looked at.
            given: how many positions are kept, in row-major order; one for all, or `(n,)`. Half of a
                28x28 image is 14 * 28.
            labels, temperature, top_k, top_p, seed, batch_size, conditions: as in `sample`.

        Returns:
            Like x.

        Raises:
            ValueError: as `sample` and `log_prob`, and where `given` is out of range.
        """
        x = examples(x, self.shape, self.likelihood)
        given = np.broadcast_to(np.asarray(given, "int32"), (len(x),)).copy()
        if given.min() < 0 or given.max() > self.positions:
            raise ValueError(
                f"expected given in 0 ... {self.positions}, the positions of an example, got "
                f"{given.min()} ... {given.max()}"
            )
        told = self.conditions.of_examples(len(x), labels=labels, **conditions)
        arrays = (x, given, kgen.random.keys(seed, len(x)), *told)
        choice = Choice(temperature, top_k, top_p)
        return self.extend(*arrays, choice=choice, batch_size=min(batch_size, len(x)))

    def _draw(
        self,
        x: Tensor,
        given: Tensor,
        seed: Tensor,
        conditions: Sequence[Tensor],
        choice: Choice | None,
        cached: bool,
    ) -> Tensor:
        network = self.averaged
        plan = loop.Plan(
            network, self.likelihood, self._feed, choice if choice is not None else Choice()
        )
        cached = cached and Stepper.can_step(network)
        named = list(self.conditions.of_tensors(conditions).values())
        drawn = loop.draw(plan, self.grid, self._values(x), given, seed, named, cached)
        return ops.reshape(drawn, (-1, *self.shape))
