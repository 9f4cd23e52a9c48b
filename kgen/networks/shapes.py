"""Checks of the shapes and numbers that networks are built from."""

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any


def check_whole(**counts: Any) -> None:
    """Raises TypeError where a number of units or so is something else, such as a shape.

    >>> check_whole(input_dim=(2,))
    Traceback (most recent call last):
    TypeError: expected input_dim to be a whole number, got (2,)
    """
    for name, count in counts.items():
        if not isinstance(count, Integral):
            raise TypeError(f"expected {name} to be a whole number, got {count!r}")


def as_shape(shape: Any, name: str = "shape", example: str = "(28, 28, 1)") -> tuple[int, ...]:
    """Gives whole numbers in a sequence as a tuple. Raises TypeError for anything else.

    >>> as_shape(28)
    Traceback (most recent call last):
    TypeError: expected shape to be whole numbers in a tuple, such as (28, 28, 1), got 28
    """
    sizes = tuple(shape) if isinstance(shape, Iterable) else (None,)
    if not all(isinstance(size, Integral) for size in sizes):
        raise TypeError(
            f"expected {name} to be whole numbers in a tuple, such as {example}, got {shape!r}"
        )
    return sizes


def check_heads(width: int, depth: int, heads: int) -> None:
    """Raises ValueError where a transformer's numbers are below 1, or the heads do not fit the width.

    >>> check_heads(width=128, depth=4, heads=4)
    """
    if min(width, depth, heads) < 1 or width % heads:
        raise ValueError(
            "expected width, depth and heads of at least 1, and heads that divide the width, got "
            f"width={width}, depth={depth}, heads={heads}"
        )


def coarse_size(shape: Sequence[int], stages: int) -> tuple[int, int]:
    """Gives height and width of an image after it was halved `stages` times.

    Args:
        shape: (height, width, channels).
        stages: at least 1.

    Raises:
        ValueError: where the shape is not an image's, or its size cannot be halved so often.

    >>> coarse_size((28, 28, 1), 2)
    (7, 7)
    """
    if stages < 1:
        raise ValueError(f"expected stages >= 1, got {stages}")
    shape = as_shape(shape)
    if len(shape) != 3:
        raise ValueError(f"expected the shape (height, width, channels), got {shape}")
    height, width, _ = shape
    step = 2**stages
    if height % step or width % step or not height or not width:
        larger = tuple(max(-(-size // step), 1) * step for size in (height, width))
        raise ValueError(
            f"images of {height}x{width} cannot be halved {stages} times: height and width must be "
            f"multiples of {step}. Pad the images to {larger[0]}x{larger[1]}, or use fewer stages"
        )
    return height // step, width // step
