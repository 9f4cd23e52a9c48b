"""Squeezing: neighbouring pixels become channels."""

from keras import ops

from kgen.backend import Tensor


def squeeze(x: Tensor, factor: int = 2) -> Tensor:
    """Turns `(batch, h, w, c)` into `(batch, h / factor, w / factor, c factor**2)`; volumes stay.

    Source: "Density Estimation Using Real NVP" (Dinh et al., 2017), section 3.6.

    >>> import numpy as np
    >>> tuple(squeeze(np.zeros((1, 8, 4, 3), "float32")).shape)
    (1, 4, 2, 12)
    """
    height, width, channels = x.shape[1:]
    rows, columns = height // factor, width // factor
    x = ops.reshape(x, (-1, rows, factor, columns, factor, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, rows, columns, factor * factor * channels))


def unsqueeze(x: Tensor, factor: int = 2) -> Tensor:
    """Inverts `squeeze`."""
    rows, columns, channels = x.shape[1:]
    x = ops.reshape(x, (-1, rows, columns, factor, factor, channels // factor**2))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, rows * factor, columns * factor, channels // factor**2))


def check_squeeze(shape: tuple[int, ...], factor: int = 2) -> None:
    """Raises ValueError for a shape that is no image's, or whose size the factor does not divide."""
    if len(shape) != 3:
        raise ValueError(f"squeezing needs images (height, width, channels), got shape {shape}")
    height, width, _ = shape
    if height % factor or width % factor:
        larger = tuple(-(-size // factor) * factor for size in (height, width))
        raise ValueError(
            f"images of {height}x{width} cannot be squeezed by {factor}: pad them to "
            f"{larger[0]}x{larger[1]}, or use fewer levels"
        )
