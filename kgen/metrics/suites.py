"""Which metrics are measured of what: a suite is a sequence of functions from a comparison to cards."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kgen.data import DataSpec, toys
from kgen.data.stacked import NAME as STACKED
from kgen.metrics.card import Card
from kgen.metrics.classification import class_accuracy
from kgen.metrics.coverage import precision_recall
from kgen.metrics.features import (
    FeatureNetwork,
    custom_features,
    fashion_classifier,
    inception,
    mnist_classifier,
)
from kgen.metrics.frechet import frechet_distance, intra_class_frechet_distance
from kgen.metrics.inception_score import inception_score
from kgen.metrics.kernel import kernel_distance, mmd
from kgen.metrics.mixtures import Mixture, high_quality_share, mode_reverse_kl, modes_covered
from kgen.metrics.neighbours import memorisation
from kgen.metrics.sources import Examples
from kgen.metrics.stacked import stacked_digits, stacked_modes
from kgen.metrics.two_sample import two_sample_accuracy
from kgen.metrics.wasserstein import sliced_wasserstein, wasserstein

# The time of these grows with the square of the number or worse: of more examples, so many are drawn.
_PAIRS = 10_000
_TESTED = 5000
_ASSIGNED = 1000
_REMEMBERED = 2000
_LARGEST = 3072  # values of an image whose pixels serve as features: 32 x 32 x 3


@dataclass(frozen=True, eq=False)
class Comparison:
    """Samples, what they should be like, and real examples that the model has not seen."""

    samples: Examples
    reference: Examples
    held_out: Examples | None = None
    seed: int = 0


Metric = Callable[[Comparison], Sequence[Card]]
"""Measures a comparison; gives no card where it does not apply, as an Inception score of points."""


def frechet(given: Comparison) -> list[Card]:
    """The Fréchet distance of features."""
    return [frechet_distance(given.samples.features, given.reference.features, given.seed)]


def kernel(given: Comparison) -> list[Card]:
    """The kernel distance of features, of at most 10,000 examples each."""
    return [kernel_distance(*_pair(given, _PAIRS))]


def coverage(given: Comparison) -> list[Card]:
    """Precision, recall, density and coverage, of at most 10,000 examples each."""
    return list(precision_recall(*_pair(given, _PAIRS), seed=given.seed))


def classes(given: Comparison) -> list[Card]:
    """The Inception score where the feature network is a classifier."""
    probabilities = given.samples.probabilities
    return [] if probabilities is None else [inception_score(probabilities)]


def by_class(given: Comparison) -> list[Card]:
    """Class accuracy and intra-class Fréchet distance, where the samples have labels.

    Warns, and leaves the distance out, where a class has too few samples for it.
    """
    samples, reference = given.samples, given.reference
    if samples.labels is None:
        return []
    cards = []
    if samples.probabilities is not None:
        cards.append(class_accuracy(samples.probabilities, samples.labels))
    if reference.labels is not None:
        sets = (samples.features, samples.labels, reference.features, reference.labels)
        try:
            cards.append(intra_class_frechet_distance(*sets, seed=given.seed))
        except ValueError as error:
            warnings.warn(str(error), stacklevel=2)
    return cards


def memory(given: Comparison) -> list[Card]:
    """Memorisation in features, of at most 2000 examples; needs held-out ones."""
    if given.held_out is None:
        return []
    both = (given.samples, given.held_out)
    samples, held_out = (_some(s.features, _REMEMBERED, given.seed) for s in both)
    return [memorisation(samples, given.reference.features, held_out)]


def transport(given: Comparison) -> list[Card]:
    """The sliced Wasserstein distance, and the exact one of at most 1000 examples each."""
    sliced = sliced_wasserstein(given.samples.features, given.reference.features, seed=given.seed)
    n = min(_ASSIGNED, len(given.samples), len(given.reference))
    return [sliced, wasserstein(*_pair(given, n), seed=given.seed)]


def kernel_of_points(given: Comparison) -> list[Card]:
    """The squared MMD with a Gaussian kernel, of at most 5000 examples each."""
    return [mmd(*_pair(given, _TESTED), seed=given.seed)]


def two_sample(given: Comparison) -> list[Card]:
    """The classifier two-sample test, of at most 5000 examples each."""
    return [two_sample_accuracy(*_pair(given, _TESTED), seed=given.seed)]


def modes(mixture: Mixture) -> Metric:
    """Makes the metric of modes covered, high-quality share and reverse KL, for a known mixture.

    >>> modes(toys.ring8).__name__
    'modes'
    """

    def modes(given: Comparison) -> list[Card]:
        points = given.samples.features
        measures = (modes_covered, high_quality_share, mode_reverse_kl)
        return [measure(points, mixture) for measure in measures]

    return modes


def stacked(given: Comparison) -> list[Card]:
    """The modes of stacked digits, whose features are the digits themselves."""
    return list(stacked_modes(given.samples.features))


IMAGES: tuple[Metric, ...] = (frechet, kernel, coverage, classes, by_class, memory)
"""All that is known of images."""
QUICK: tuple[Metric, ...] = (frechet,)
"""A number in seconds, for use in training."""
POINTS: tuple[Metric, ...] = (transport, kernel_of_points, two_sample)
"""All that is known of vectors; `suite` adds the modes of a known mixture."""


def suite(spec: DataSpec) -> tuple[Metric, ...]:
    """Gives the metrics for data of this kind.

    Raises ValueError where an example is neither an image nor a vector.

    >>> from kgen.data import load
    >>> [metric.__name__ for metric in suite(load("ring8", size=9).spec)]
    ['transport', 'kernel_of_points', 'two_sample', 'modes']
    """
    if spec.name == STACKED:
        return (stacked,)
    if len(spec.shape) == 3:
        return IMAGES
    if len(spec.shape) != 1:
        raise ValueError(f"{spec.name}: no metrics for examples of shape {spec.shape}: pass metrics=")
    toy = toys.TOYS.get(spec.name)
    return (*POINTS, modes(toy)) if hasattr(toy, "modes") else POINTS


def pixels() -> FeatureNetwork:
    """Gives the feature network that does nothing: the features of an image are its values.

    Raises ValueError, on a call, for images of more than 3072 values.

    >>> pixels()(np.zeros((5, 8, 8, 1))).shape
    (5, 64)
    """

    def flat(images: np.ndarray) -> np.ndarray:
        features = images.reshape(len(images), -1)
        if features.shape[1] > _LARGEST:
            raise ValueError(
                f"images of {features.shape[1]} values are too large for metrics of pixels (at most "
                f"{_LARGEST}): give features, as kgen.metrics.features.inception()"
            )
        return features

    return custom_features(flat, "pixels", batch_size=2048)


FEATURES: dict[str, Callable[[], FeatureNetwork]] = {
    "pixels": pixels,
    "fashion_classifier": fashion_classifier,
    "mnist_classifier": mnist_classifier,
    "inception": inception,
}
"""The feature networks by the names that the command line knows."""


def features(spec: DataSpec) -> FeatureNetwork | None:
    """Gives the feature network for data of this kind: a known classifier, else pixels; None: vectors.

    >>> from kgen.data import load
    >>> features(load("ring8", size=9).spec) is None
    True
    """
    if len(spec.shape) != 3:
        return None
    if spec.name == STACKED:
        return stacked_digits(mnist_classifier())
    if spec.shape[-1] == 1 and spec.name.startswith("fashion"):
        return fashion_classifier()
    return mnist_classifier() if spec.name == "mnist" else pixels()


def _pair(given: Comparison, n: int) -> tuple[np.ndarray, np.ndarray]:
    return tuple(_some(s.features, n, given.seed) for s in (given.samples, given.reference))


def _some(examples: np.ndarray, n: int, seed: int) -> np.ndarray:
    """At most n of the examples, chosen by chance: files may be sorted by class."""
    if len(examples) <= n:
        return examples
    return examples[np.sort(np.random.default_rng(seed).choice(len(examples), n, replace=False))]
