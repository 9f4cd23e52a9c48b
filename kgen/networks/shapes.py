"""Checks of image shapes that networks share."""

from collections.abc import Sequence


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
    if len(shape) != 3:
        raise ValueError(f"expected the shape (height, width, channels), got {tuple(shape)}")
    height, width, _ = shape
    step = 2**stages
    if height % step or width % step or not height or not width:
        larger = tuple(max(-(-size // step), 1) * step for size in (height, width))
        raise ValueError(
            f"images of {height}x{width} cannot be halved {stages} times: height and width must be "
            f"multiples of {step}. Pad the images to {larger[0]}x{larger[1]}, or use fewer stages"
        )
    return height // step, width // step
