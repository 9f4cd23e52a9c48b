"""Layers of autoregressive networks: an output sees the positions before it, and no later ones.

Such a layer has two faces. `call` takes all positions at once, which is how a network trains. `step`
takes one position and what the layer remembers of the earlier ones, which is how it samples.
"""

from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.layers.initializers import Normal


class CausalLayer(keras.layers.Layer):
    """The base of the layers that can take one position after the other."""

    def start(self, batch: Tensor | int) -> Any:
        """What the layer remembers before the first position: nested tensors of fixed shapes."""
        return ()

    def step(self, inputs: Tensor, memory: Any, index: Tensor) -> tuple[Tensor, Any]:
        """Takes one position.

        Args:
            inputs: as those of `call`, with a length of one on each axis of positions. The layers
                that keep a position from seeing itself (`Shift`, mask A) get the one before it.
            memory: what `start` or the last step gave.
            index: int32 scalar, the number of the position in row-major order.

        Returns:
            What `call` gives at this position, and the new memory.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how to take one position")


class RowLayer(keras.layers.Layer):
    """The base of the layers on images that see whole rows, and take one row after the other."""

    def start(self, batch: Tensor | int) -> Any:
        """What the layer remembers before the first row."""
        return ()

    def step_row(self, inputs: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """Takes the row `(batch, 1, width, channels)`; gives its outputs, and the new memory."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to take one row")


@keras.saving.register_keras_serializable("kgen")
class Shift(CausalLayer):
    """Delays a sequence by one position, so that what follows cannot see what it predicts.

    A learned vector comes first, the last position drops out: `(batch, n, width)` to the same shape.

    Args:
        seed: of the vector's initial value; None: a fresh one.
        kwargs: of `keras.layers.Layer`: name, dtype.

    >>> import numpy as np
    >>> x = np.arange(6.0, dtype="float32").reshape(1, 3, 2)
    >>> ops.convert_to_numpy(Shift()(x))[:, 1:].tolist()
    [[[0.0, 1.0], [2.0, 3.0]]]
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the vector."""
        self.first = self.add_weight(
            shape=(1, 1, input_shape[-1]), initializer=Normal(0.02, self.seed), name="first"
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Delays the whole sequence."""
        first = ops.zeros_like(inputs[:, :1]) + ops.cast(self.first, inputs.dtype)
        return ops.concatenate([first, inputs[:, :-1]], axis=1)

    def step(self, inputs: Tensor, memory: Any, index: Tensor) -> tuple[Tensor, Any]:
        """Gives the position before, or the learned vector."""
        return ops.where(ops.equal(index, 0), ops.cast(self.first, inputs.dtype), inputs), memory

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable("kgen")
class RowsAbove(RowLayer):
    """Moves an image down by one row: what follows sees the rows above a pixel, and no others.

    Between this layer and `AtColumn` a network works on rows, elsewhere on pixels.

    >>> import numpy as np
    >>> ops.convert_to_numpy(RowsAbove()(np.ones((1, 2, 1, 1), "float32")))[0, :, 0, 0].tolist()
    [0.0, 1.0]
    """

    def call(self, inputs: Tensor) -> Tensor:
        """Maps `(batch, height, width, channels)` to the same shape."""
        return ops.pad(inputs[:, :-1], ((0, 0), (1, 0), (0, 0), (0, 0)))

    def step_row(self, inputs: Tensor, memory: Any) -> tuple[Tensor, Any]:
        """Gives the row above, which is what a step of rows is given."""
        return inputs, memory


@keras.saving.register_keras_serializable("kgen")
class AtColumn(CausalLayer):
    """Hands what was computed by rows over to the pixels; on whole images it does nothing.

    >>> import numpy as np
    >>> tuple(AtColumn()(np.ones((1, 2, 3, 4), "float32")).shape)
    (1, 2, 3, 4)
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Takes down the shape of a row."""
        self.row_shape = tuple(input_shape[2:])

    def call(self, inputs: Tensor) -> Tensor:
        """Gives the image."""
        return inputs

    def start(self, batch: Tensor | int) -> Tensor:
        """The row that a step of rows fills in."""
        return ops.zeros((batch, 1, *self.row_shape), dtype=self.compute_dtype)

    def step(self, inputs: Tensor, memory: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """Gives the pixel at this column of the remembered row; the inputs are not used."""
        column = ops.take(memory, index % self.row_shape[0], axis=2)
        return ops.expand_dims(column, 2), memory
