"""Runs a network one position after the other, each layer remembering what it needs."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers, ops

from kgen.backend import Tensor
from kgen.layers import (
    AddVector,
    AtColumn,
    CausalLayer,
    Dropout,
    Gate,
    LayerNormalization,
    RowLayer,
    RowsAbove,
)

Memories = dict[str, Any]

# These take each position by itself, whatever there is around it.
_POINTWISE = (
    *(layers.InputLayer, layers.Dense, layers.Embedding, layers.Activation, layers.ReLU),
    *(layers.LeakyReLU, layers.Add, layers.Multiply, layers.Concatenate),
    *(AddVector, Dropout, Gate, LayerNormalization),
)

_ABSENT = object()  # in place of a tensor that the other pass, of rows or of pixels, computes


class Stepper:
    """Runs a functional network of x (and labels) position by position.

    Each `CausalLayer` keeps a memory and takes one position; pointwise layers are called on a slice of
    length one. Where there are `RowLayer`s, each row is begun by a pass through them.

    Args:
        network: for which `can_step` holds.
    """

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        self.layers = [x for x in network.layers if isinstance(x, CausalLayer | RowLayer)]

    @staticmethod
    def can_step(network: keras.Model) -> bool:
        """Whether every layer of a network can take one position, or one row."""
        known = (CausalLayer, RowLayer, *_POINTWISE)
        names = {layer.name for layer in network.layers}
        return all(isinstance(operation, known) for operation in network.operations) and (
            len(names) == len(network.operations)
        )

    @property
    def has_rows(self) -> bool:
        """Whether rows are to be begun."""
        return any(isinstance(layer, RowLayer) for layer in self.layers)

    def start(self, batch: Tensor | int) -> Memories:
        """What the layers remember before the first position."""
        return {layer.name: layer.start(batch) for layer in self.layers}

    def begin_row(self, above: Tensor, labels: Sequence[Tensor], memories: Memories) -> Memories:
        """Takes the row above a new one, `(batch, 1, width, channels)`, zeros above the first."""
        memories = dict(memories)

        def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
            if isinstance(layer, RowsAbove):
                inputs = (above,)
            elif _absent(inputs):
                return _ABSENT
            if isinstance(layer, AtColumn):
                memories[layer.name] = inputs[0]
                return _ABSENT
            if not isinstance(layer, RowLayer):
                return layer(*inputs, **options)
            outputs, memories[layer.name] = layer.step_row(*inputs, memories[layer.name])
            return outputs

        self._run([_ABSENT, *labels], call)
        return memories

    def step(
        self, before: Tensor, index: Tensor, labels: Sequence[Tensor], memories: Memories
    ) -> tuple[Tensor, Memories]:
        """Takes the value before position `index`, zeros before the first.

        Gives the outputs at the position, with a length of one on each axis, and the new memories.
        """
        memories = dict(memories)

        def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
            if isinstance(layer, RowLayer):
                return _ABSENT
            if isinstance(layer, AtColumn):
                return layer.step(None, memories[layer.name], index)[0]
            if _absent(inputs):
                return _ABSENT
            if not isinstance(layer, CausalLayer):
                return layer(*inputs, **options)
            inputs = [ops.cast(x, layer.compute_dtype) for x in inputs]
            outputs, memories[layer.name] = layer.step(*inputs, memories[layer.name], index)
            return outputs

        return self._run([before, *labels], call), memories

    def _run(self, inputs: Sequence[Any], call: Callable[..., Any]) -> Any:
        """Calls `call(layer, *inputs, **options)` for each layer, in the order of the graph."""
        return self.network._run_through_graph(inputs, lambda layer: functools.partial(call, layer))


def _absent(inputs: Any) -> bool:
    return any(x is _ABSENT for x in keras.tree.flatten(inputs))
