"""The one way in which images are brought to the size of a feature network."""

import numpy as np

METHOD = "bicubic, antialiased (Pillow, float32)"


def resize(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes images with an antialiasing bicubic filter, each channel as float32.

    In NumPy and Pillow, so the same numbers come out whatever the backend. When images shrink, the
    filter widens with the factor, so that every pixel counts; the resizers of deep-learning
    frameworks skip pixels by default, and the difference is larger than that between generators.
    Nothing is rounded or clipped: beside a sharp edge, values pass the range by up to 15 %.

    Args:
        images: floats (n, h, w, c).
        height: of the result, in pixels.
        width: of the result, in pixels.

    Returns:
        float32 (n, height, width, c); of the right size already: the images as they are.

    Raises:
        ValueError: where the array has not four axes.

    Source: "On Aliased Resizing and Surprising Subtleties in GAN Evaluation" (Parmar et al., 2022),
    section 3; the filter: "Cubic Convolution Interpolation for Digital Image Processing"
    (Keys, 1981), equation 15.

    >>> resize(np.full((1, 32, 32, 3), 0.5), 28, 28)[0, 0, 0].tolist()
    [0.5, 0.5, 0.5]
    """
    from PIL import Image

    if images.ndim != 4:
        raise ValueError(f"expected images of shape (n, h, w, c), got {images.shape}")
    images = images.astype("float32", copy=False)
    if images.shape[1:3] == (height, width):
        return images
    n, *_, channels = images.shape
    resized = np.empty((n, height, width, channels), np.float32)
    for i, c in np.ndindex(n, channels):
        plane = Image.fromarray(np.ascontiguousarray(images[i, ..., c]))  # float32: Pillow's mode F
        resized[i, ..., c] = plane.resize((width, height), Image.Resampling.BICUBIC)
    return resized


def to_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Repeats the channel of grey images (n, h, w, 1) as often as a network asks for.

    Raises ValueError where the images have another number of channels than 1 and `channels`.

    >>> to_channels(np.ones((2, 4, 4, 1)), 3).shape
    (2, 4, 4, 3)
    """
    given = images.shape[-1]
    if given not in (1, channels):
        raise ValueError(
            f"expected images with {channels} channel(s) or 1, got {given}: choose a feature network "
            "for such images, or convert them"
        )
    return images if given == channels else np.repeat(images, channels, axis=-1)
