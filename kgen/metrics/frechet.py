"""The Fréchet distance between Gaussians with the means and covariances of two sets of features."""

import math

import numpy as np

from kgen.metrics.card import Card
from kgen.metrics.checks import as_labels, as_vectors, check_size
from kgen.metrics.gaussian import GROUPS, GaussianStatistics, gaussian_frechet

# Student's t with 7 degrees of freedom, one less than the groups, holds 95 % within:
_T95 = 2.364624
_FLOOR = 4 * GROUPS
_RECOMMENDED = 2000


def frechet_distance(
    samples: np.ndarray | GaussianStatistics,
    reference: np.ndarray | GaussianStatistics,
    seed: int = 0,
) -> Card:
    """Measures the squared Fréchet distance between samples and a reference; lower is better.

    The value is the one that papers report: of n samples, and too large by about a/n. Its limit for
    ever more samples is estimated as 2 D(n) - D(n/2), and told in the notes; the interval runs from
    the limit less its error to the value plus its error. So it covers the value that five times as
    many samples would give, which an interval around the value alone does not. The error comes from
    seven balanced halvings of both sets: half the difference of the halves varies as the whole does.
    A bootstrap would be slower, and itself biased: to draw an example twice adds to the bias.

    Args:
        samples: `(n, ...)`, flattened, or statistics gathered in batches. At least 32.
        reference: the same of real data.
        seed: of the halves of arrays; statistics have their own.

    Returns:
        A card; with the note "singular covariance" where there are fewer samples than features.

    Raises:
        ValueError: for NaN, no or identical examples, other dimensions than the reference, too few, or
            the reference itself as samples.

    Source: the distance as in `gaussian_frechet`; the limit after "Effectively Unbiased FID and
    Inception Score and where to find them" (Chong and Forsyth, 2020), section 3; the halves after
    "Pseudo-replication: half samples" (McCarthy, 1969).

    >>> rng = np.random.default_rng(0)
    >>> card = frechet_distance(rng.normal(size=(4000, 2)) + 3, rng.normal(size=(4000, 2)))
    >>> card.interval[0] < 18 < card.interval[1]
    True
    """
    samples = _statistics(samples, "samples", seed)
    reference = _statistics(reference, "reference", seed)
    notes = _check(samples, reference, _RECOMMENDED)
    value, limit, error = _estimate(samples, reference)
    card = _card("frechet_distance", value, limit, error, samples.count, reference.count, notes)
    return card.with_(seed=samples.seed)


def intra_class_frechet_distance(
    samples: np.ndarray,
    sample_labels: np.ndarray,
    reference: np.ndarray,
    reference_labels: np.ndarray,
    seed: int = 0,
) -> Card:
    """Measures the mean over the classes of the Fréchet distance within each; lower is better.

    Args:
        samples: `(n, ...)`, flattened, at least 32 a class.
        sample_labels: `(n,)` integers: the classes that were asked for.
        reference: real data, with all classes of the samples and no others.
        reference_labels: `(m,)` integers.
        seed: of the halves.

    Returns:
        A card like that of `frechet_distance`; the distance of each class is in the notes.

    Raises:
        ValueError: as `frechet_distance`, and where labels and examples differ in number, or the
            two sets in their classes.

    Source: "cGANs with Projection Discriminator" (Miyato and Koyama, 2018), section 4.

    >>> rng = np.random.default_rng(0)
    >>> x, labels = rng.normal(size=(400, 2)), np.arange(400) % 2
    >>> round(intra_class_frechet_distance(x + 2, labels, x, labels).value, 9)
    8.0
    """
    ours = _by_class(samples, sample_labels, "samples", seed)
    theirs = _by_class(reference, reference_labels, "reference examples", seed)
    if ours.keys() != theirs.keys():
        raise ValueError(f"expected the same classes, got {sorted(ours)} against {sorted(theirs)}")
    notes = {note for c in ours for note in _check(ours[c], theirs[c], recommended=_FLOOR)}
    values, limits, errors = np.transpose([_estimate(ours[c], theirs[c]) for c in ours])
    error = math.sqrt((errors**2).sum()) / len(ours)
    each = "by class: " + ", ".join(f"{c}: {v:.4g}" for c, v in zip(ours, values, strict=True))
    counts = (sum(s.count for s in sets.values()) for sets in (ours, theirs))
    notes = (each, *sorted(notes))
    card = _card("intra_class_frechet_distance", values.mean(), limits.mean(), error, *counts, notes)
    return card.with_(seed=seed)


def _statistics(examples: np.ndarray | GaussianStatistics, name: str, seed: int) -> GaussianStatistics:
    if isinstance(examples, GaussianStatistics):
        return examples
    return GaussianStatistics(seed).update(as_vectors(examples, name))


def _by_class(
    examples: np.ndarray, labels: np.ndarray, name: str, seed: int
) -> dict[int, GaussianStatistics]:
    vectors = as_vectors(examples, name)
    labels = as_labels(labels, len(vectors), name)
    classes = {}
    for c, n in zip(*np.unique(labels, return_counts=True), strict=True):
        check_size("intra_class_frechet_distance", n, _FLOOR, _FLOOR, f"{name} of class {c}")
        classes[int(c)] = GaussianStatistics(seed).update(vectors[labels == c])
    return classes


def _check(
    samples: GaussianStatistics, reference: GaussianStatistics, recommended: int
) -> tuple[str, ...]:
    """Refuses what has no distance; gives the notes on sizes and singular covariances."""
    notes = ()
    for sets, what in ((samples, "samples"), (reference, "reference examples")):
        notes += check_size("frechet_distance", sets.count, _FLOOR, recommended, what)
        if sets.count <= sets.dims:
            notes += (f"singular covariance: {sets.count} {what} of {sets.dims} features",)
        if not sets.varied:
            raise ValueError(
                f"all {sets.count} {what} are identical: a generator that collapsed, or a wrong file"
            )
    if samples.dims != reference.dims:
        raise ValueError(
            f"expected samples like the reference, of {reference.dims} features, got {samples.dims}"
        )
    a, b = samples.gaussian(), reference.gaussian()
    if np.array_equal(a.mean, b.mean) and np.array_equal(a.covariance, b.covariance):
        raise ValueError("the samples are the reference examples themselves: was a file given twice?")
    return notes


def _half_samples() -> np.ndarray:
    """Seven balanced halves of the eight groups: `(7, 8)`, true for the first half."""
    signs = np.ones((1, 1))
    while len(signs) < GROUPS:
        signs = np.kron([[1, 1], [1, -1]], signs)  # Sylvester's Hadamard matrix
    return signs[1:] > 0


def _estimate(a: GaussianStatistics, b: GaussianStatistics) -> tuple[float, float, float]:
    """Value, limit for ever more examples of both, and standard error of the value."""
    value = gaussian_frechet(a.gaussian(), b.gaussian())
    halves = np.array(
        [[gaussian_frechet(a.gaussian(h), b.gaussian(h)) for h in (g, ~g)] for g in _half_samples()]
    )
    error = math.sqrt(np.mean((halves[:, 0] - halves[:, 1]) ** 2)) / 2
    return value, 2 * value - float(halves.mean()), error


def _card(
    name: str, value: float, limit: float, error: float, n: int, m: int, notes: tuple[str, ...]
) -> Card:
    return Card(
        metric=name,
        value=float(value),
        error=error,
        interval=(max(min(limit, value) - _T95 * error, 0.0), value + _T95 * error),
        method="7 balanced half-samples; the interval starts at the limit of ever more samples",
        samples=n,
        reference=m,
        notes=(f"limit of ever more samples: {max(limit, 0.0):.4g}", *notes),
    )
