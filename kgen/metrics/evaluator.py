"""Measures samples, or a model, against a data set: from a source of samples to cards."""

import contextlib
import functools
import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from kgen.data import Dataset
from kgen.metrics import sources, suites
from kgen.metrics.card import Card
from kgen.metrics.features import FeatureNetwork
from kgen.metrics.likelihood import HasLikelihood, model_likelihood
from kgen.metrics.sources import Examples, Sampler, Samples
from kgen.metrics.suites import Comparison, Metric

_LIKELIHOODS = 1000  # held-out examples whose likelihood is measured


class Evaluator:
    """Measures how close samples come to a data set.

    Call it with samples or with a model. The features of the reference are computed on the first
    call and kept; of samples too only features are kept: with a feature network, 50,000 images need
    less than 2 GiB.

    Args:
        reference: what samples should be like: the training data.
        held_out: real examples that the model has not seen. They give the floor of each metric,
            memorisation and likelihood.
        features: the feature network of images; None: `suites.features` chooses.
        metrics: a suite; None: `suites.suite` chooses.
        samples: how many to draw from a model. Fréchet distances of other numbers do not compare.
        seed: of the samples, and of whatever a metric draws.
        bounds: whether to measure held-out data and Gaussian noise as well, once: the floor and the
            ceiling.

    Raises ValueError where the two data sets differ in shape, or a number is too small.

    >>> from kgen.data import load
    >>> from kgen.data.toys import ring8
    >>> evaluate = Evaluator(load("ring8", size=2000), metrics=[suites.modes(ring8)], samples=1000)
    >>> str(evaluate(ring8)[0])
    'modes_covered 8.000 ± 0.018 (n = 1000)'
    """

    def __init__(
        self,
        reference: Dataset,
        held_out: Dataset | None = None,
        features: FeatureNetwork | None = None,
        metrics: Sequence[Metric] | None = None,
        samples: int = 10_000,
        seed: int = 0,
        bounds: bool = True,
    ) -> None:
        if samples < 1 or seed < 0:
            raise ValueError(f"expected samples >= 1 and seed >= 0, got {samples} and {seed}")
        if held_out is not None and held_out.spec.shape != reference.spec.shape:
            raise ValueError(
                f"expected held-out examples of shape {reference.spec.shape}, like the reference, got "
                f"{held_out.spec.shape}"
            )
        if features is not None and len(reference.spec.shape) != 3:
            raise ValueError(f"feature networks are for images: {reference.spec.name} holds vectors")
        self.reference = reference
        self.held_out = held_out
        self.features = features
        self.metrics = tuple(metrics) if metrics is not None else suites.suite(reference.spec)
        self.samples = samples
        self.seed = seed
        self.bounds = bounds

    @functools.cached_property
    def network(self) -> FeatureNetwork | None:
        """The feature network; None where the features are the values themselves."""
        return self.features or suites.features(self.reference.spec)

    def __call__(self, source: Sampler | Samples, labels: np.ndarray | None = None) -> list[Card]:
        """Measures samples.

        Args:
            source: a model, of which `samples` are drawn with the weights that its `sample` uses; or
                samples like the reference: an array, a `LazyArray`, or an iterable of batches, each
                an array or (samples, labels).
            labels: integers (n,), the classes that an array's samples were asked to be.

        A model that takes labels (`takes_labels`, `needs_labels`) is asked for classes as often as the
        reference has them, and told those of the held-out examples. One that takes them and can do
        without is asked for none where the data has no labels.

        Returns:
            A card for each number, its provenance filled in; of a model with `log_prob_estimate` also
            the likelihood of the first 1000 held-out examples. Where the model refuses them (they are
            no levels of its own), a warning says so, and the other cards are given.

        Raises:
            ValueError: for samples of another shape or range than the reference, NaN, too few or
                identical ones, and labels for a model.
        """
        samples = sources.gather(self._batches(source, labels), self.reference.spec, self.network)
        sources.check_limits(samples, self._reference)
        given = Comparison(samples, self._reference, self._held_out, self.seed)
        cards = [self._described(card) for metric in self.metrics for card in metric(given)]
        return cards + (self._likelihoods(source) if sources.is_model(source) else [])

    def _batches(
        self, source: Sampler | Samples, labels: np.ndarray | None
    ) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        if not sources.is_model(source):
            return sources.read(source, labels)
        if labels is not None:
            raise ValueError("labels belong to samples: a model's are not drawn by class")
        shape = getattr(source, "data_shape", None)
        if shape is not None and tuple(shape) != self.reference.spec.shape:
            raise ValueError(
                f"the model makes examples of shape {tuple(shape)}, and {self.reference.spec.name} has "
                f"{self.reference.spec.shape}: was it trained on other data?"
            )
        labels = _labels_for(source, self.reference)
        if labels is not None:  # as often as the reference has them
            labels = np.random.default_rng(self.seed).choice(labels, self.samples)
        return sources.draw(source, self.samples, self.seed, labels)

    @functools.cached_property
    def _reference(self) -> Examples:
        return self._gathered(self.reference)

    @functools.cached_property
    def _held_out(self) -> Examples | None:
        return None if self.held_out is None else self._gathered(self.held_out)

    def _gathered(self, data: Dataset) -> Examples:
        labels = None if data.y is None else np.asarray(data.y)
        return sources.gather(sources.read(data.x, labels), data.spec, self.network)

    @functools.cached_property
    def _floors(self) -> dict[str, float]:
        return {} if self._held_out is None else self._values(self._held_out)

    @property
    def _floor_note(self) -> str:
        return f"the floor is of {len(self._held_out)} held-out examples"

    @functools.cached_property
    def _ceilings(self) -> dict[str, float]:
        noise = sources.draw(_Noise(self.reference), self.samples, self.seed)
        return self._values(sources.gather(noise, self.reference.spec, self.network))

    def _values(self, examples: Examples) -> dict[str, float]:
        """What each metric says of other examples; nothing where it refuses them."""
        given = Comparison(
            Examples(examples.features, examples.probabilities), self._reference, seed=self.seed
        )
        values = {}
        for metric in self.metrics:
            with warnings.catch_warnings(), contextlib.suppress(ValueError):
                warnings.simplefilter("ignore")
                values |= {card.metric: card.value for card in metric(given)}
        return values

    def _described(self, card: Card) -> Card:
        network, spec = self.network, self.reference.spec
        if self.bounds:
            floor, ceiling = (of.get(card.metric) for of in (self._floors, self._ceilings))
            notes = card.notes if floor is None else (*card.notes, self._floor_note)
            card = card.with_(floor=floor, ceiling=ceiling, notes=notes)
        if network is not None:
            resized = network.input_shape and network.input_shape[:2] != spec.shape[:2]
            card = card.with_(
                features=network.name,
                features_sha256=network.sha256,
                resize=network.resize if resized else None,
            )
        data = f"{spec.name}/{spec.split}"
        return card.with_(data=data, data_sha256=spec.sha256, seed=self.seed)

    def _likelihoods(self, model: HasLikelihood) -> list[Card]:
        if self.held_out is None or getattr(model, "log_prob_estimate", None) is None:
            return []
        spec = self.held_out.spec
        try:
            labels = _labels_for(model, self.held_out)
            told = None if labels is None else labels[:_LIKELIHOODS]
            x = self.held_out.x[:_LIKELIHOODS]
            cards = model_likelihood(model, x, seed=self.seed, labels=told)
        except ValueError as error:  # such as images of 256 levels, of a model of 8
            warnings.warn(f"no likelihood of {spec.name}/{spec.split}: {error}", stacklevel=3)
            return []
        notes = () if labels is None else ("the model was told the classes",)
        where = {"data": f"{spec.name}/{spec.split}", "data_sha256": spec.sha256}
        return [card.with_(**where, notes=(*card.notes, *notes)) for card in cards]


def _labels_for(model: object, data: Dataset) -> np.ndarray | None:
    """The labels of the data, for a model that takes some; None for another one."""
    needs = getattr(model, "needs_labels", False)
    if not (needs or getattr(model, "takes_labels", False)):
        return None
    if data.y is not None:
        return np.asarray(data.y)
    if needs:
        raise ValueError(
            f"the model must be told a class, and {data.spec.name}/{data.spec.split} has no labels: "
            "evaluate samples in place of the model (of a diffusion model: or train with label_dropout)"
        )
    return None


class _Noise:
    """Draws Gaussian noise with the mean and the deviation of the data, within their range."""

    def __init__(self, data: Dataset) -> None:
        x = data.x[: sources.BLOCK]
        self.mean, self.scale = float(x.mean()), float(x.std())
        self.spec = data.spec

    def sample(self, n: int, seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(self.mean, self.scale, (n, *self.spec.shape))
        noise = noise if self.spec.range is None else noise.clip(*self.spec.range)
        return noise.astype("float32")
