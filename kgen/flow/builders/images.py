"""The usual flows of images, each in a few lines: functions that give a `Flow`."""

import itertools
from collections.abc import Sequence
from typing import Any

from kgen.distributions import StandardNormal
from kgen.flow.dequantization import UniformNoise
from kgen.flow.layers import (
    ActNorm,
    Chain,
    Coupling,
    Linear,
    Logit,
    Split,
    Squeeze,
    Transform,
)
from kgen.flow.masks import Checkerboard, Half, Mask
from kgen.flow.model import Flow
from kgen.flow.transforms import Elementwise, affine_unless
from kgen.networks import conv_conditioner
from kgen.networks.seeds import layer_seeds
from kgen.networks.shapes import as_shape, coarse_size


def Glow(  # noqa: N802
    shape: Sequence[int],
    levels: int = 2,
    steps: int = 4,
    width: int = 64,
    depth: int = 1,
    transform: Elementwise | None = None,
    classes: int | None = None,
    context: int | None = None,
    dequantization: Any = UniformNoise(),  # noqa: B008 - frozen
    ema_decay: float | None = None,
    seed: int | None = None,
) -> Flow:
    """Builds Glow: at each of several scales steps of `ActNorm`, 1x1 convolution and coupling.

    Args:
        shape: `(height, width, channels)`, multiples of 2**levels.
        levels: how many scales; each squeezes, and all but the last give half their channels away.
        steps: of a scale.
        width, depth: of the couplings' networks, see `kgen.networks.conv_conditioner`.
        transform: of single numbers; None: `Affine()`; with 16 steps on each of two scales the
            training overflows by it, and `Affine(0.5)` does not.
        classes, context, ema_decay: see `Flow`.
        dequantization: see `Flow`; None for real-valued images.
        seed: of the initial weights; None: fresh ones.

    Raises:
        ValueError: for a shape that cannot be squeezed so often.

    Source: "Glow: Generative Flow with Invertible 1x1 Convolutions" (Kingma and Dhariwal, 2018).

    >>> Glow((8, 8, 1), levels=2, steps=1, width=4).sample(2, seed=0).shape
    (2, 8, 8, 1)
    """
    seeds, numbers, told = layer_seeds(seed), itertools.count(), classes or context

    def scale(height: int, columns: int, channels: int, levels: int) -> Transform:
        inner = (height // 2, columns // 2, 4 * channels)
        parts: list[Transform] = []
        for _ in range(steps):
            parts += [ActNorm(inner[2]), Linear(inner[2], next(seeds))]
            options = transform, width, depth, 1, told, next(seeds), next(numbers)
            parts.append(_conv_coupling(inner, Half(), *options))
        if levels > 1:
            parts.append(Split(scale(*inner[:2], inner[2] - inner[2] // 2, levels - 1)))
        return Squeeze(Chain(parts))

    body = scale(*_image(shape, levels), levels)
    return _image_flow(body, shape, classes, context, dequantization, ema_decay)


def ConvRealNVP(  # noqa: N802
    shape: Sequence[int],
    levels: int = 2,
    steps: int = 3,
    width: int = 32,
    depth: int = 2,
    transform: Elementwise | None = None,
    classes: int | None = None,
    context: int | None = None,
    dequantization: Any = UniformNoise(),  # noqa: B008 - frozen
    ema_decay: float | None = None,
    seed: int | None = None,
) -> Flow:
    """Builds RealNVP of images: checkerboard couplings, squeeze, channel couplings, and so on.

    `ActNorm` takes the place of the paper's batch normalisation.

    Args:
        shape: `(height, width, channels)`, multiples of 2**(levels - 1), the last width even.
        levels: how many scales; all but the last squeeze and give half their channels away, the last
            has one checkerboard coupling more.
        steps: checkerboard couplings of a scale, and channel couplings.
        width, depth: of the couplings' networks, see `kgen.networks.conv_conditioner`.
        transform: of single numbers; None: `Affine()`.
        classes, context, dequantization, ema_decay: see `Flow`.
        seed: of the initial weights; None: fresh ones.

    Raises:
        ValueError: for a shape that cannot be squeezed so often.

    Source: "Density Estimation Using Real NVP" (Dinh et al., 2017), sections 3.4 to 3.6.

    >>> ConvRealNVP((8, 8, 1), levels=2, steps=1, width=4).sample(2, seed=0).shape
    (2, 8, 8, 1)
    """
    seeds, numbers, told = layer_seeds(seed), itertools.count(), classes or context

    def couplings(shape: tuple[int, ...], mask: type[Mask], count: int) -> list[Transform]:
        parts: list[Transform] = []
        for index in range(count):
            flipped = mask(flip=index % 2 == 1)
            options = transform, width, depth, 3, told, next(seeds), next(numbers)
            coupling = _conv_coupling(shape, flipped, *options)
            parts += [ActNorm(shape[2]), coupling]
        return parts

    def scale(height: int, columns: int, channels: int, levels: int) -> Transform:
        here = (height, columns, channels)
        if levels == 1:
            return Chain(couplings(here, Checkerboard, steps + 1))
        inner = (height // 2, columns // 2, 4 * channels)
        rest = Split(scale(*inner[:2], inner[2] - inner[2] // 2, levels - 1))
        squeezed = Squeeze(Chain([*couplings(inner, Half, steps), rest]))
        return Chain([*couplings(here, Checkerboard, steps), squeezed])

    body = scale(*_image(shape, levels - 1), levels)
    return _image_flow(body, shape, classes, context, dequantization, ema_decay)


def _conv_coupling(
    shape: tuple[int, ...],
    mask: Mask,
    transform: Elementwise | None,
    width: int,
    depth: int,
    kernel_size: int,
    context: int | None,
    seed: int,
    number: int,
) -> Coupling:
    transform = affine_unless(transform)
    kept, moved = mask.shapes(shape)
    outputs = moved[-1] * transform.parameters
    name = f"conv_conditioner_{number}"
    network = conv_conditioner(kept, outputs, width, depth, kernel_size, context, seed, name)
    return Coupling(network, mask, transform)


def _image_flow(
    body: Transform,
    shape: Sequence[int],
    classes: int | None,
    context: int | None,
    dequantization: Any,
    ema_decay: float | None,
) -> Flow:
    """The logit of the pixels first; dequantised ones lie half a level beyond [-1, 1]."""
    low, high = (-1.0, 1.0) if dequantization is None else dequantization.interval
    prior = StandardNormal(tuple(shape))
    return Flow([Logit(low, high), body], prior, classes, context, dequantization, ema_decay)


def _image(shape: Sequence[int], halvings: int) -> tuple[int, ...]:
    shape = as_shape(shape)
    if len(shape) != 3:
        raise ValueError(f"expected the shape of images, (height, width, channels), got {shape}")
    if halvings:
        coarse_size(shape, halvings)
    return shape
