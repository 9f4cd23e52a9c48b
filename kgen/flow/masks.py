"""Which half of the numbers a coupling keeps, and which half it moves."""

import dataclasses

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor
from kgen.core.record import Record

Shape = tuple[int, ...]


class Mask(Record):
    """Cuts an example into two parts and joins them again."""

    def shapes(self, shape: Shape) -> tuple[Shape, Shape]:
        """Gives the shapes of the kept and of the moved part of an example of this shape.

        Raises ValueError where a part would be empty.
        """
        raise NotImplementedError

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Gives the kept and the moved part of x `(batch, ...)`."""
        raise NotImplementedError

    def join(self, kept: Tensor, moved: Tensor) -> Tensor:
        """Inverts `split`."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Half(Mask):
    """The first half of the last axis: of a vector's numbers, of an image's channels.

    Args:
        flip: False: the first half is kept; True: it is moved.

    >>> kept, moved = Half().split(np.array([[1.0, 2.0, 3.0]]))
    >>> kept.tolist(), moved.tolist()
    ([[1.0, 2.0]], [[3.0]])
    """

    flip: bool = False

    def shapes(self, shape: Shape) -> tuple[Shape, Shape]:
        """See `Mask.shapes`; the first half is the larger one."""
        if shape[-1] < 2:
            raise ValueError(
                f"half of {shape[-1]} number leaves nothing to transform, got shape {shape}: images of "
                "one channel need a Checkerboard, or a Squeeze before"
            )
        cut = shape[-1] - shape[-1] // 2
        halves = (*shape[:-1], cut), (*shape[:-1], shape[-1] - cut)
        return halves[::-1] if self.flip else halves

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `Mask.split`."""
        self.shapes(tuple(x.shape[1:]))
        cut = x.shape[-1] - x.shape[-1] // 2
        halves = x[..., :cut], x[..., cut:]
        return halves[::-1] if self.flip else halves

    def join(self, kept: Tensor, moved: Tensor) -> Tensor:
        """See `Mask.join`."""
        return ops.concatenate([moved, kept] if self.flip else [kept, moved], axis=-1)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Checkerboard(Mask):
    """The dark squares of an image, packed into one of half the width.

    Packed, so that the network computes on half of the pixels, not on an image half of zeros.

    Args:
        flip: False: the squares with an even sum of row and column are kept; True: they are moved.

    Source: "Density Estimation Using Real NVP" (Dinh et al., 2017), section 3.4.

    >>> kept, moved = Checkerboard().split(np.arange(4.0).reshape(1, 2, 2, 1))
    >>> ops.convert_to_numpy(kept).ravel().tolist(), ops.convert_to_numpy(moved).ravel().tolist()
    ([0.0, 3.0], [1.0, 2.0])
    """

    flip: bool = False

    def shapes(self, shape: Shape) -> tuple[Shape, Shape]:
        """See `Mask.shapes`."""
        if len(shape) != 3 or shape[1] % 2:
            raise ValueError(f"a checkerboard needs images of even width, got shape {shape}")
        half = (shape[0], shape[1] // 2, shape[2])
        return half, half

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `Mask.split`."""
        self.shapes(tuple(x.shape[1:]))
        height, width, channels = x.shape[1:]
        pairs = ops.reshape(x, (-1, height, width // 2, 2, channels))
        left, right = pairs[:, :, :, 0], pairs[:, :, :, 1]
        halves = self._swap_odd_rows(left, right)
        return halves[::-1] if self.flip else halves

    def join(self, kept: Tensor, moved: Tensor) -> Tensor:
        """See `Mask.join`."""
        height, width, channels = kept.shape[1:]
        halves = (moved, kept) if self.flip else (kept, moved)
        pairs = ops.stack(self._swap_odd_rows(*halves), axis=3)
        return ops.reshape(pairs, (-1, height, 2 * width, channels))

    def _swap_odd_rows(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        odd = np.arange(a.shape[1])[None, :, None, None] % 2 == 1
        odd = ops.convert_to_tensor(odd, dtype="bool")
        return ops.where(odd, b, a), ops.where(odd, a, b)
