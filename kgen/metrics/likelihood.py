"""Likelihoods in the unit that papers report, always with what they are: exact, bound, estimate."""

import math
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from kgen.metrics.card import ESTIMATES, Card
from kgen.metrics.checks import check_size

LIKELIHOODS = tuple(name for name in ESTIMATES if name != "sample")

_LEVELS = 256  # values of a pixel
_NO_IMAGES = "no probability of images: it compares with the same kind of decoder only"


class HasLikelihood(Protocol):
    """A model that says what its likelihood is.

    `log_prob_estimate` is one of "exact", "bound", "importance-sampled" and "ODE". `log_prob` gives
    nats, one number an example; one that is not exact takes a `seed`, an importance-sampled one also
    `samples`, the k of its bound.

    `range_width` says what p(x) is for an image: None, the probability of its discrete values; 2.0,
    a density on [-1, 1]. A model whose p(x) is neither (a cross-entropy) has no such attribute, and
    its likelihood no bits/dim.
    """

    log_prob_estimate: str
    range_width: float | None

    def log_prob(self, x: np.ndarray, **options: Any) -> np.ndarray:
        """Gives log p(x), or what stands for it, in nats: (n,)."""


@runtime_checkable
class HasBound(Protocol):
    """A model that bounds the probability of images far faster than it computes their density."""

    def bound(self, x: np.ndarray, *, levels: int, seed: int | None) -> Any:
        """Gives an object whose `total` bounds -log p(x), nats (n,), of values of so many levels."""


def bits_per_dim(
    log_prob: np.ndarray | float, shape: Sequence[int], range_width: float | None = None
) -> np.ndarray | float:
    """Converts log-likelihoods in nats per example to bits per dimension; lower is better.

    Args:
        log_prob: nats, one number an example (or their mean).
        shape: of one example, as (28, 28, 1).
        range_width: None for the probability of discrete values (a discretised likelihood): nothing
            is added. For a density: the width of the range to which the values 0..255 were scaled
            (2.0 for [-1, 1]); a density depends on the unit, and papers mean the unit of [0, 255].

    Returns:
        Float or array, the shape of `log_prob`.

    Raises:
        ValueError: where the shape is empty or the width is not above 0.

    Source: "A note on the evaluation of generative models" (Theis et al., 2016), section 3.1.

    >>> bits_per_dim(-28 * 28 * 8 * math.log(2), (28, 28, 1))
    8.0
    >>> round(bits_per_dim(0.0, (2,), range_width=2.0), 4)  # log2(127.5)
    6.9944
    """
    dims = math.prod(shape)
    if dims < 1 or not len(shape):
        raise ValueError(f"expected the shape of one example, as (28, 28, 1), got {tuple(shape)}")
    if range_width is not None and range_width <= 0:
        raise ValueError(f"expected range_width > 0, 2.0 for values in [-1, 1], got {range_width}")
    # x = c + v * width / 255, so p_v(v) = p_x(x) * (width / 255)**dims and
    # bits = -log2 p_v / dims = -log_prob / (dims ln 2) + log2(255 / width)
    offset = 0.0 if range_width is None else math.log2(255.0 / range_width)
    return -log_prob / (dims * math.log(2.0)) + offset


def likelihood_card(
    log_prob: np.ndarray,
    estimate: str,
    importance_samples: int | None = None,
    unit: str = "nats",
    shape: Sequence[int] | None = None,
    range_width: float | None = None,
    seed: int | None = None,
) -> Card:
    """Makes the card of a mean log-likelihood and of its standard error over the examples.

    Args:
        log_prob: nats of each example, (n,).
        estimate: "exact", "bound", "importance-sampled" or "ODE".
        importance_samples: k, where it is importance-sampled, and only there.
        unit: "nats" (higher is better) or "bits/dim" (lower is better).
        shape: of one example; needed for bits/dim.
        range_width: see `bits_per_dim`; for bits/dim only.
        seed: of the noise in the estimate.

    Returns:
        The card, called "log_likelihood" or "bits_per_dim".

    Raises:
        ValueError: where a log-likelihood is NaN or infinite (with how many and the first), there are
            fewer than two, or the arguments contradict each other.

    >>> card = likelihood_card(np.array([-1.0, -3.0] * 500), "importance-sampled", 64)
    >>> str(card), card.estimate, card.notes
    ('log_likelihood -2.000 ± 0.032 nats (n = 1000)', 'importance-sampled', ('k = 64',))
    """
    log_prob = _check_log_prob(log_prob)
    _check_estimate(estimate, importance_samples)
    if unit not in ("nats", "bits/dim"):
        raise ValueError(f"expected unit 'nats' or 'bits/dim', got {unit!r}")
    notes = check_size("log_prob", len(log_prob), floor=2, recommended=100, what="examples")
    if importance_samples is not None:
        notes = (f"k = {importance_samples}", *notes)
    if unit == "bits/dim":
        if shape is None:
            raise ValueError("bits/dim needs the shape of one example, as shape=(28, 28, 1)")
        log_prob = bits_per_dim(log_prob, shape, range_width)
        of = (
            "probability of discrete values"
            if range_width is None
            else f"density, width {range_width:g}"
        )
        notes = (f"read as a {of}", *notes)
    elif range_width is not None:
        raise ValueError("range_width is for bits/dim: pass unit='bits/dim', or leave it out")
    return Card(
        metric="bits_per_dim" if unit == "bits/dim" else "log_likelihood",
        value=float(log_prob.mean()),
        unit=unit,
        higher_is_better=unit == "nats",
        error=float(log_prob.std(ddof=1) / math.sqrt(len(log_prob))),
        method="standard error over examples",
        estimate=estimate,
        samples=len(log_prob),
        seed=seed,
        notes=notes,
    )


def model_likelihood(
    model: HasLikelihood,
    x: np.ndarray,
    importance_samples: int = 64,
    seed: int | None = 0,
    labels: np.ndarray | None = None,
) -> list[Card]:
    """Evaluates a model's likelihood of examples and labels it with what the model says it is.

    Args:
        model: a `HasLikelihood`: `kgen.VAE`, `kgen.Diffusion`. Of images, one that is also a
            `HasBound` is asked for its bound on the probability of 256 levels.
        x: examples that it was not trained on, (n, ...).
        importance_samples: k, for a model whose likelihood is importance-sampled; 1 is the bound that
            it was trained on (ELBO) and is called so.
        seed: of the noise in the estimate; an exact likelihood has none.
        labels: integers (n,), for a model that needs them.

    Returns:
        The card in nats; of images (n, h, w, c) also the one in bits/dim, where the model has a
        `range_width`.

    Raises:
        ValueError: where the model has no likelihood (a GAN), and as `likelihood_card`.

    >>> import types
    >>> normal = types.SimpleNamespace(
    ...     log_prob_estimate="exact", log_prob=lambda x: -0.5 * (x[:, 0] ** 2 + np.log(2 * np.pi))
    ... )
    >>> [card.estimate for card in model_likelihood(normal, np.linspace(-1, 1, 101)[:, None])]
    ['exact']
    """
    if getattr(model, "log_prob_estimate", None) is None:
        raise ValueError(
            f"{type(model).__name__} declares no log_prob_estimate, so it has no likelihood to report "
            "(a GAN has none): measure its samples instead"
        )
    images, told = np.ndim(x) == 4, {} if labels is None else {"labels": labels}
    if images and isinstance(model, HasBound):
        log_prob = -model.bound(x, levels=_LEVELS, seed=seed, **told).total
        measured = {"log_prob": log_prob, "estimate": "bound", "seed": seed}
        return [likelihood_card(**measured), _bits(measured, np.shape(x), None)]
    measured = _measure(model, x, importance_samples, seed, told)
    nats = likelihood_card(**measured)
    if images and not hasattr(model, "range_width"):
        return [nats.with_(notes=(*nats.notes, _NO_IMAGES))]
    return [nats, _bits(measured, np.shape(x), model.range_width)] if images else [nats]


def _measure(
    model: HasLikelihood, x: np.ndarray, k: int, seed: int | None, told: dict[str, np.ndarray]
) -> dict[str, Any]:
    """The arguments of `likelihood_card` that the model's `log_prob` answers."""
    estimate = model.log_prob_estimate
    options = {} if estimate == "exact" else {"seed": seed}
    measured = {"estimate": estimate, **options}
    if estimate == "importance-sampled":
        options["samples"] = k
        measured |= {"importance_samples": k} if k != 1 else {"estimate": "bound"}
    return {"log_prob": model.log_prob(x, **options, **told), **measured}


def _bits(measured: dict[str, Any], shape: Sequence[int], range_width: float | None) -> Card:
    return likelihood_card(**measured, unit="bits/dim", shape=shape[1:], range_width=range_width)


def _check_log_prob(log_prob: np.ndarray) -> np.ndarray:
    log_prob = np.asarray(log_prob)
    if log_prob.ndim != 1 or log_prob.dtype.kind not in "fiu":
        raise ValueError(
            f"expected log_prob as one number an example, (n,), got {log_prob.dtype} of shape "
            f"{log_prob.shape}"
        )
    log_prob = log_prob.astype("float64")
    bad = ~np.isfinite(log_prob)
    if bad.any():
        first = int(bad.argmax())
        raise ValueError(
            f"expected finite log-likelihoods, got {bad.sum()} of {len(bad)} NaN or infinite: the "
            f"first, {log_prob[first]}, is of example {first}. -inf: the model excludes it (is it in "
            "the range of the training data?); NaN: so are weights or inputs"
        )
    return log_prob


def _check_estimate(estimate: str, importance_samples: int | None) -> None:
    if estimate not in LIKELIHOODS:
        raise ValueError(f"expected an estimate of {LIKELIHOODS}, got {estimate!r}")
    if (estimate == "importance-sampled") != (importance_samples is not None):
        raise ValueError(
            "an importance-sampled likelihood, and no other, says its importance_samples: got "
            f"estimate={estimate!r} and importance_samples={importance_samples}"
        )
    if importance_samples is not None and importance_samples < 1:
        raise ValueError(f"expected importance_samples >= 1, got {importance_samples}")
