"""Where samples come from: a model, an array, or batches; read a block at a time, and checked."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from kgen.data import DataSpec, LazyArray
from kgen.metrics.checks import as_labels
from kgen.metrics.features.network import FeatureNetwork

BLOCK = 2048
"""How many examples are in memory at once."""

_ROUNDING = 1e-3  # by which a value may pass the range of the reference

Batch = tuple[np.ndarray, np.ndarray | None]


class Sampler(Protocol):
    """What draws samples: every `kgen.GenerativeModel`, or an object like one."""

    def sample(self, n: int, seed: int | None = None) -> np.ndarray:
        """Draws float32 samples (n, ...)."""


Samples = np.ndarray | LazyArray | Iterable[Any]


@dataclass(frozen=True, eq=False)
class Examples:
    """What metrics see of a set; the examples themselves are gone."""

    features: np.ndarray
    """float32 (n, d)."""
    probabilities: np.ndarray | None = None
    """Of the classes, (n, classes), where the feature network is a classifier."""
    labels: np.ndarray | None = None
    """Integers (n,): the classes of real examples, or those asked for."""
    limits: tuple[float, float] = (0.0, 0.0)
    """The lowest and the highest value of any example."""

    def __len__(self) -> int:
        """How many examples there were."""
        return len(self.features)


def is_model(source: Any) -> bool:
    """Says whether samples must be drawn first."""
    return callable(getattr(source, "sample", None))


def draw(model: Sampler, n: int, seed: int, labels: np.ndarray | None = None) -> Iterator[Batch]:
    """Draws n samples in blocks of about one size, so that a model compiles one program.

    With labels, integers (n,), each sample is of its class. The first block has the seed itself, the
    others seeds that follow from it. Up to 2048 samples are thus `model.sample(n, seed=seed)`.

    >>> from kgen.data.toys import ring8
    >>> [len(x) for x, _ in draw(ring8, 5000, seed=0)]
    [1667, 1667, 1666]
    """
    sizes = [len(block) for block in np.array_split(np.arange(n), -(-n // BLOCK))]
    seeds = [seed, *np.random.SeedSequence(seed).generate_state(len(sizes))]
    ends = np.cumsum(sizes)
    for size, end, block_seed in zip(sizes, ends, seeds, strict=False):
        part = None if labels is None else labels[end - size : end]
        told = {} if part is None else {"labels": part}
        yield model.sample(size, seed=int(block_seed), **told), part


def read(samples: Samples, labels: np.ndarray | None = None) -> Iterator[Batch]:
    """Gives the blocks of an array, or the batches of an iterable, whose labels are used if it has any.

    Raises ValueError where labels are given and are not integers (n,), or are given twice.

    >>> [(x.shape, y) for x, y in read(np.zeros((3000, 2)))]
    [((2048, 2), None), ((952, 2), None)]
    """
    if hasattr(samples, "shape"):
        labels = None if labels is None else as_labels(labels, len(samples), "samples")
        for start in range(0, len(samples), BLOCK):
            part = slice(start, start + BLOCK)
            yield samples[part], None if labels is None else labels[part]
        return
    if labels is not None:
        raise ValueError("expected the labels of batches in the batches, as (samples, labels)")
    for batch in samples:
        x, y = (*batch, None)[:2] if isinstance(batch, tuple) else (batch, None)
        yield _to_numpy(x), None if y is None else as_labels(_to_numpy(y), len(x), "samples")


def gather(batches: Iterable[Batch], spec: DataSpec, network: FeatureNetwork | None) -> Examples:
    """Turns batches into what metrics need of them.

    Args:
        batches: of `draw` or `read`.
        spec: of the reference: what an example must look like.
        network: None: the features are the values themselves.

    Raises:
        ValueError: for no examples, integers, NaN, another shape or range than the reference, and
            where some batches have labels and some have none.

    >>> spec = DataSpec("line", "train", (1,), 3, None, None, "", "", None)
    >>> gather(read(np.ones((3, 1))), spec, None).features.shape
    (3, 1)
    """
    features, probabilities, labels, limits = [], [], [], []
    n = 0
    for x, y in batches:
        _check(x, spec, n)
        n += len(x)
        for f, p in [(_flat(x), None)] if network is None else network.batches(x):
            features.append(f)
            probabilities.append(p)
        labels.append(y)
        limits.append((float(x.min()), float(x.max())))
    if not n:
        raise ValueError("expected samples, got none")
    if len({y is None for y in labels}) > 1:
        raise ValueError("expected labels in every batch or in none")
    lowest, highest = zip(*limits, strict=True)
    both = (_joined(features), _joined(probabilities), _joined(labels))
    return Examples(*both, (min(lowest), max(highest)))


def check_limits(samples: Examples, reference: Examples) -> None:
    """Refuses samples in [0, 1] of a reference in [-1, 1]: the usual mistake in scaling."""
    (low, high), (real_low, real_high) = samples.limits, reference.limits
    if real_low < -0.9 and real_high > 0.9 and low >= 0.0:
        raise ValueError(
            f"the samples are in [{low:.3g}, {high:.3g}], and the reference in [{real_low:.3g}, "
            f"{real_high:.3g}]: scale them, x * 2 - 1"
        )


def _check(x: np.ndarray, spec: DataSpec, start: int) -> None:
    name = f"{spec.name}/{spec.split}"
    if x.dtype.kind != "f":
        raise ValueError(f"expected float samples, got {x.dtype}: scale bytes as x / 127.5 - 1")
    if x.shape[1:] != spec.shape:
        raise ValueError(
            f"expected samples like {name}, (n, {', '.join(map(str, spec.shape))}), got {x.shape}: "
            "are they of other data, or of another size?"
        )
    bad = ~np.isfinite(x).reshape(len(x), -1).all(axis=1)
    if bad.any():
        raise ValueError(f"NaN or infinite values in sample {start + int(bad.argmax())}")
    if spec.range and len(x):
        low, high = spec.range
        if x.min() < low - _ROUNDING or x.max() > high + _ROUNDING:
            raise ValueError(
                f"expected samples in [{low:g}, {high:g}] like {name}, got values in [{x.min():.4g}, "
                f"{x.max():.4g}]: scale or clip them"
            )


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1).astype("float32", copy=False)


def _joined(parts: list[np.ndarray | None]) -> np.ndarray | None:
    return None if parts[0] is None else np.concatenate(parts)


def _to_numpy(values: Any) -> np.ndarray:
    if hasattr(values, "__array__") and not hasattr(values, "detach"):
        return np.asarray(values)
    import keras

    return keras.ops.convert_to_numpy(values)
