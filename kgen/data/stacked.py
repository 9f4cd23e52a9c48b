"""Stacked MNIST: three digits as the channels of one image, a thousand modes that can be counted."""

import numpy as np

from kgen.data.checks import check_split
from kgen.data.idx import SPLITS
from kgen.data.images import RANGE
from kgen.data.lazy import LazyArray
from kgen.data.spec import Dataset, make_dataset

NAME = "stacked_mnist"
CHANNELS = 3
_SIZE = 128_000  # of the experiments in the literature
_SOURCE = "Metz et al., Unrolled Generative Adversarial Networks, 2016, of: "


def stack(digits: Dataset, size: int | None = None, seed: int = 0) -> Dataset:
    """Draws three digits for each image, one a channel, with replacement.

    Args:
        digits: grey images (n, height, width, 1) with labels 0 ... 9.
        size: how many images; None: 128,000. Above 1 GiB they are stacked when they are read.
        seed: of the draws; each split has its own.

    Returns:
        Images (size, height, width, 3), whose class "407" is that of the digits 4, 0 and 7.

    >>> from kgen.data import load
    >>> clothes = load("fashion_mini", "test")
    >>> stacked = stack(clothes, size=5)
    >>> stacked.x.shape, len(stacked.spec.classes)
    ((5, 28, 28, 3), 1000)
    """
    spec = digits.spec
    rng = np.random.default_rng([seed, SPLITS.index(spec.split)])
    chosen = rng.integers(len(digits), size=(size or _SIZE, CHANNELS))

    def read(numbers: list[int]) -> np.ndarray:
        return np.moveaxis(digits.x[chosen[numbers]][..., 0], 1, -1)

    x = LazyArray(read, (len(chosen), *spec.shape[:2], CHANNELS), np.float32).in_memory_if_small()
    labels = digits.y[chosen] @ 10 ** np.arange(CHANNELS - 1, -1, -1)
    classes = tuple(f"{k:0{CHANNELS}d}" for k in range(10**CHANNELS))
    return make_dataset(
        NAME, spec.split, x, labels, classes, RANGE, _SOURCE + spec.source, spec.licence
    )


def check_stacked(split: str, resolution: int | None) -> None:
    """Raises ValueError for an unknown split, or a resolution: a digit's classifier takes 28x28."""
    check_split(NAME, split, SPLITS)
    if resolution is not None:
        raise ValueError(f"{NAME!r} keeps the digits as they are, 28x28: it has no resolution")
