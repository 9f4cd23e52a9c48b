"""Many models of one architecture, trained by one JAX program: `vmap` over them, `scan` over steps."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp

from kgen.backend.scope import Tensor


class Together:
    """Trains models side by side; their own variables change in `store` only.

    A step of one model becomes a step of all by `jax.vmap`, and the steps of an epoch a `jax.lax.scan`,
    so that Python is left once an epoch.
    """

    def __init__(self, models: Sequence[keras.Model]) -> None:
        self.models = models
        states = [model.state_variables(training=True) for model in models]
        values = [[[v.value for v in group] for group in state] for state in states]
        self.state = jax.tree.map(lambda *leaves: jnp.stack(leaves), *values)
        self.epoch = jax.jit(_epoch(models[0].train_step), donate_argnums=0)

    def run(self, batches: Any) -> dict[str, Tensor]:
        """Trains for an epoch.

        Args:
            batches: nested arrays `(steps, models, batch, ...)`.

        Returns:
            The logs of the last step, which are means over the epoch: name to `(models,)`. They are
            still being computed, so that the next epoch's batches can be made meanwhile.
        """
        logs, self.state = self.epoch(self.state, batches)
        return logs

    def store(self) -> None:
        """Gives each model its variables."""
        for index, model in enumerate(self.models):
            for group, values in zip(model.state_variables(training=True), self.state, strict=True):
                for variable, value in zip(group, values, strict=True):
                    variable.assign(np.asarray(value[index]))


def _epoch(step: Callable[[Any, Any], tuple[dict, tuple]]) -> Callable[[Any, Any], tuple[dict, tuple]]:
    together = jax.vmap(step)

    def body(state: Any, batch: Any) -> tuple[Any, dict]:
        logs, state = together(state, batch)
        return [list(group) for group in state], logs

    def epoch(state: Any, batches: Any) -> tuple[dict, Any]:
        *rest, metrics = state
        state, logs = jax.lax.scan(body, [*rest, jax.tree.map(jnp.zeros_like, metrics)], batches)
        return jax.tree.map(lambda log: log[-1], logs), state

    return epoch
