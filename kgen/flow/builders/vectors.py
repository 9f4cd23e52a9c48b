"""The usual flows of vectors, each in a few lines: functions that give a `Flow`."""

from collections.abc import Callable, Sequence

import keras

from kgen.backend import Tensor
from kgen.distributions import StandardNormal
from kgen.flow.layers import (
    ActNorm,
    Continuous,
    Coupling,
    InverseAutoregressive,
    Linear,
    MaskedAutoregressive,
    Transform,
)
from kgen.flow.masks import Half, Mask
from kgen.flow.model import Flow
from kgen.flow.transforms import Elementwise, RationalQuadratic, affine_unless
from kgen.networks import conditioner, made
from kgen.networks.seeds import layer_seeds
from kgen.networks.shapes import as_shape


def RealNVP(  # noqa: N802 - the name of the paper
    shape: Sequence[int],
    layers: int = 6,
    hidden: Sequence[int] = (64, 64),
    transform: Elementwise | None = None,
    classes: int | None = None,
    context: int | None = None,
    ema_decay: float | None = None,
    seed: int | None = None,
) -> Flow:
    """Builds couplings of vectors that move one half and then the other, `ActNorm` before each.

    Args:
        shape: `(dim,)`, dim at least 2.
        layers: how many couplings.
        hidden: widths of their networks.
        transform: of single numbers; None: `Affine()`; `Additive()` makes it NICE.
        classes, context, ema_decay: see `Flow`.
        seed: of the initial weights; None: fresh ones.

    Raises:
        ValueError: where a coupling has nothing to move.

    Source: "Density Estimation Using Real NVP" (Dinh et al., 2017).

    >>> RealNVP((2,), layers=2).sample(3, seed=0).shape
    (3, 2)
    """
    (dim,) = _vector(shape)
    seeds, told = layer_seeds(seed), classes or context
    steps: list[Transform] = []
    for layer in range(layers):
        mask = Half(flip=layer % 2 == 1)
        coupling = _coupling((dim,), layer, mask, transform, hidden, told, next(seeds))
        steps += [ActNorm(dim), coupling]
    return Flow(steps, StandardNormal((dim,)), classes, context, ema_decay=ema_decay)


def NeuralSplineFlow(  # noqa: N802
    shape: Sequence[int],
    layers: int = 4,
    hidden: Sequence[int] = (64, 64),
    bins: int = 8,
    bound: float = 5.0,
    autoregressive: bool = False,
    classes: int | None = None,
    context: int | None = None,
    ema_decay: float | None = None,
    seed: int | None = None,
) -> Flow:
    """Builds couplings, or autoregressive transforms, by rational-quadratic splines.

    Args:
        shape: `(dim,)`.
        layers: how many.
        hidden: widths of the networks.
        bins, bound: of the splines; `ActNorm` brings data of any scale into them.
        autoregressive: whether the networks are masked and see all numbers before, not one half.
        classes, context, ema_decay: see `Flow`.
        seed: of the initial weights; None: fresh ones.

    Source: "Neural Spline Flows" (Durkan et al., 2019).

    >>> NeuralSplineFlow((2,), layers=2, hidden=(8,)).sample(3, seed=0).shape
    (3, 2)
    """
    (dim,) = _vector(shape)
    spline, seeds, told = RationalQuadratic(bins, bound), layer_seeds(seed), classes or context
    steps: list[Transform] = [ActNorm(dim)]
    for layer in range(layers):
        if autoregressive:
            steps.append(_masked(MaskedAutoregressive, dim, layer, spline, hidden, told, next(seeds)))
        else:
            steps.append(Linear(dim, next(seeds)))
            mask = Half(flip=layer % 2 == 1)
            steps.append(_coupling((dim,), layer, mask, spline, hidden, told, next(seeds)))
    return Flow(steps, StandardNormal((dim,)), classes, context, ema_decay=ema_decay)


def MAF(  # noqa: N802
    shape: Sequence[int],
    layers: int = 5,
    hidden: Sequence[int] = (64, 64),
    transform: Elementwise | None = None,
    classes: int | None = None,
    context: int | None = None,
    ema_decay: float | None = None,
    seed: int | None = None,
) -> Flow:
    """Builds a masked autoregressive flow: fast densities, samples one dimension at a time.

    The order of the dimensions turns round from layer to layer, `ActNorm` before each.

    Args:
        shape: `(dim,)`.
        layers: how many transforms.
        hidden: widths of their networks.
        transform: of single numbers; None: `Affine()`.
        classes, context, ema_decay: see `Flow`.
        seed: of the initial weights; None: fresh ones.

    Source: "Masked Autoregressive Flow for Density Estimation" (Papamakarios et al., 2017).

    >>> MAF((3,), layers=2, hidden=(8,)).sample(2, seed=0).shape
    (2, 3)
    """
    steps = _autoregressive(
        MaskedAutoregressive, shape, layers, hidden, transform, classes or context, seed
    )
    return Flow(steps, StandardNormal(tuple(shape)), classes, context, ema_decay=ema_decay)


def IAF(  # noqa: N802
    shape: Sequence[int],
    layers: int = 5,
    hidden: Sequence[int] = (64, 64),
    transform: Elementwise | None = None,
    classes: int | None = None,
    context: int | None = None,
    ema_decay: float | None = None,
    seed: int | None = None,
) -> Flow:
    """Builds an inverse autoregressive flow: fast samples, densities one dimension at a time.

    Args: as `MAF`'s.

    Source: "Improved Variational Inference with Inverse Autoregressive Flow" (Kingma et al., 2016).

    >>> IAF((3,), layers=2, hidden=(8,)).sample(2, seed=0).shape
    (2, 3)
    """
    told = classes or context
    steps = _autoregressive(InverseAutoregressive, shape, layers, hidden, transform, told, seed)
    return Flow(steps, StandardNormal(tuple(shape)), classes, context, ema_decay=ema_decay)


def FFJORD(  # noqa: N802
    shape: Sequence[int],
    hidden: Sequence[int] = (64, 64),
    layers: int = 1,
    steps: int = 8,
    exact: bool = True,
    tolerance: float = 1e-5,
    activation: Callable[[Tensor], Tensor] = keras.activations.tanh,
    classes: int | None = None,
    context: int | None = None,
    ema_decay: float | None = None,
    seed: int | None = None,
) -> Flow:
    """Builds a continuous flow of vectors, `ActNorm` before it.

    Args:
        shape: `(dim,)`.
        hidden: widths of the vector field.
        layers: how many fields follow one another.
        steps, exact, tolerance: see `kgen.flow.layers.Continuous`.
        activation: a smooth one.
        classes, context, ema_decay: see `Flow`.
        seed: of the initial weights; None: fresh ones.

    Source: "FFJORD" (Grathwohl et al., 2019).

    >>> FFJORD((2,), hidden=(8,)).sample(3, seed=0).shape
    (3, 2)
    """
    (dim,) = _vector(shape)
    seeds, told = layer_seeds(seed), 1 + (classes or context or 0)
    parts: list[Transform] = [ActNorm(dim)]
    for layer in range(layers):
        name = f"conditioner_{layer}"
        network = conditioner(dim, dim, hidden, told, activation, next(seeds), name)
        parts.append(Continuous(network, steps, exact, tolerance))
    return Flow(parts, StandardNormal((dim,)), classes, context, ema_decay=ema_decay)


def _coupling(
    shape: tuple[int, ...],
    layer: int,
    mask: Mask,
    transform: Elementwise | None,
    hidden: Sequence[int],
    context: int | None,
    seed: int,
) -> Coupling:
    transform = affine_unless(transform)
    (kept,), (moved,) = mask.shapes(shape)
    outputs, name = moved * transform.parameters, f"conditioner_{layer}"
    network = conditioner(kept, outputs, hidden, context, seed=seed, name=name)
    return Coupling(network, mask, transform)


def _masked(
    kind: type[MaskedAutoregressive],
    dim: int,
    layer: int,
    transform: Elementwise,
    hidden: Sequence[int],
    context: int | None,
    seed: int,
) -> MaskedAutoregressive:
    order = range(dim) if layer % 2 == 0 else range(dim - 1, -1, -1)
    network = made(
        dim,
        transform.parameters,
        hidden,
        context,
        tuple(order),
        output_initializer=keras.initializers.Zeros(),
        seed=seed,
        name=f"made_{layer}",
    )
    return kind(network, transform)


def _autoregressive(
    kind: type[MaskedAutoregressive],
    shape: Sequence[int],
    layers: int,
    hidden: Sequence[int],
    transform: Elementwise | None,
    context: int | None,
    seed: int | None,
) -> list[Transform]:
    (dim,) = _vector(shape)
    seeds = layer_seeds(seed)
    transform = affine_unless(transform)
    steps: list[Transform] = []
    for layer in range(layers):
        masked = _masked(kind, dim, layer, transform, hidden, context, next(seeds))
        steps += [ActNorm(dim), masked]
    return steps


def _vector(shape: Sequence[int]) -> tuple[int, ...]:
    shape = as_shape(shape, example="(2,)")
    if len(shape) != 1 or shape[0] < 1:
        raise ValueError(f"expected the shape of vectors, (dim,), got {shape}")
    return shape
