"""Pixels: decoding, resizing and scaling to [-1, 1]."""

from pathlib import Path

import numpy as np

RANGE = (-1.0, 1.0)


def to_float(pixels: np.ndarray) -> np.ndarray:
    """Scales uint8 pixels to float32 in [-1, 1]: x / 127.5 - 1. Keeps the shape.

    Raises TypeError for another dtype.

    >>> to_float(np.array([0, 255], np.uint8)).tolist()
    [-1.0, 1.0]
    """
    if pixels.dtype != np.uint8:
        raise TypeError(f"expected uint8 pixels, got {pixels.dtype}")
    x = pixels.astype(np.float32)
    x /= 127.5
    x -= 1
    return x


def decode(path: Path, channels: int) -> np.ndarray:
    """Reads an image file as uint8 (height, width, channels); transparent pixels become white.

    channels: 1 (grey) or 3 (RGB). Raises ValueError for a file that is no 8-bit image.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode[0] in "IF":
                raise ValueError(f"{path}: {image.mode} pixels: convert the image to 8 bits")
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except OSError as error:
        raise ValueError(f"{path}: not an image that can be read ({error})") from error
    return pixels.reshape(*pixels.shape[:2], channels)


def resize(pixels: np.ndarray, resolution: int | None) -> np.ndarray:
    """Cuts the central square of an image and resizes it to resolution x resolution (None: not).

    pixels: uint8 (height, width, channels). Antialiased (Lanczos), as generative benchmarks want.

    >>> resize(np.zeros((8, 6, 3), np.uint8), 4).shape
    (4, 4, 3)
    """
    if resolution is None or pixels.shape[:2] == (resolution, resolution):
        return pixels
    from PIL import Image

    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    square = pixels[top : top + side, left : left + side]
    planes = [
        Image.fromarray(np.ascontiguousarray(square[..., c])).resize(
            (resolution, resolution), Image.Resampling.LANCZOS
        )
        for c in range(pixels.shape[2])
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def prepare(where: str, images: np.ndarray, resolution: int | None) -> np.ndarray:
    """Turns an array of images into what models take: float32 (n, height, width, channels).

    images: uint8, or floats already in [-1, 1]; (n, height, width) or with 1 or 3 channels last.
    Raises ValueError for other shapes, dtypes and ranges, and for floats with a `resolution`.

    >>> prepare("x", np.zeros((2, 4, 4), np.uint8), 8).shape
    (2, 8, 8, 1)
    """
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(
            f"{where}: images must have shape (n, height, width) or (n, height, width, 1 or 3), "
            f"got {images.shape}"
        )
    if images.dtype == np.uint8:
        if resolution is not None:
            images = np.stack([resize(image, resolution) for image in images])
        return to_float(images)
    return _checked_floats(where, images, resolution)


def _checked_floats(where: str, images: np.ndarray, resolution: int | None) -> np.ndarray:
    if images.dtype.kind != "f":
        raise ValueError(f"{where}: images must be uint8, or floats in [-1, 1]; got {images.dtype}")
    if resolution is not None:
        raise ValueError(f"{where}: only uint8 images are resized, these are {images.dtype}")
    low, high = float(images.min()), float(images.max())
    if low < -1 or high > 1:
        raise ValueError(
            f"{where}: float images must be in [-1, 1], got [{low:g}, {high:g}]: rescale them, "
            "or store uint8"
        )
    return images.astype(np.float32)
