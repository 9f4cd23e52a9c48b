"""A recurrent layer that can also take one position after the other."""

from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.layers.causal import CausalLayer


@keras.saving.register_keras_serializable("kgen")
class LSTM(keras.layers.LSTM, CausalLayer):
    """Gives what `keras.layers.LSTM` gives at every position of `(batch, n, channels)`.

    Args:
        units: channels of the output.
        kwargs: of `keras.layers.LSTM`: initializers, name, dtype, ... It runs forwards and gives
            the whole sequence.

    Raises:
        ValueError: for options that would end that: a reversed, stateful or last-only layer.

    Source: "Long Short-Term Memory" (Hochreiter and Schmidhuber, 1997); "Learning to Forget" (Gers et
    al., 2000) for the forget gate.

    >>> import numpy as np
    >>> tuple(LSTM(4)(np.zeros((2, 5, 3), "float32")).shape)
    (2, 5, 4)
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        options = {"return_sequences": True} | kwargs
        super().__init__(units, **options)
        if not self.return_sequences or self.return_state or self.go_backwards or self.stateful:
            raise ValueError("expected a layer that runs forwards and gives the whole sequence")

    def start(self, batch: Tensor | int) -> list[Tensor]:
        """The state before the first position: zeros."""
        return [ops.zeros((batch, self.units), dtype=self.compute_dtype) for _ in range(2)]

    def step(self, inputs: Tensor, memory: list[Tensor], index: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Runs the cell once."""
        outputs, state = self.cell(inputs[:, 0], list(memory))
        return ops.expand_dims(outputs, 1), list(state)
