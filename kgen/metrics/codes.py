"""Use of a latent code: how much of a codebook, and how many latents, carry anything."""

import math

import numpy as np

from kgen.metrics.card import Card
from kgen.metrics.checks import as_vectors, check_size
from kgen.metrics.proportions import seen_error


def codebook_perplexity(codes: np.ndarray, size: int) -> Card:
    """Measures how many codes are in use, as if they were used equally: exp of the entropy.

        perplexity = exp(-sum_k p_k log p_k),   p_k: the share of code k over all examples

    Args:
        codes: integers in [0, size), (n,) or (n, ...) for several codes an example; or floats
            (n, ..., size), the probabilities of the codes.
        size: of the codebook.

    Returns:
        The card, in [1, size]; the error counts examples, not codes: those of one image go together.

    Raises:
        ValueError: for codes outside the codebook, probabilities that do not sum to 1, or fewer than
            2 examples.

    Source: "Neural Discrete Representation Learning" (van den Oord et al., 2017), whose code reports
    it; the error is first-order in p.

    >>> round(codebook_perplexity(np.arange(1000) % 8, size=8).value, 6)
    8.0
    """
    codes = _check_codes(codes, size)
    notes = check_size(
        "codebook_perplexity", len(codes), floor=2, recommended=10 * size, what="examples"
    )
    if codes.dtype.kind == "f":
        share = codes.reshape(-1, size).mean(axis=0)
    else:
        share = np.bincount(codes.ravel(), minlength=size) / codes.size
    surprise = -np.log(share, out=np.zeros(size), where=share > 0)
    value = math.exp(float((share * surprise).sum()))
    each = codes @ surprise if codes.dtype.kind == "f" else surprise[codes]
    each = each.reshape(len(codes), -1).mean(axis=1)  # nats of each example
    return Card(
        metric="codebook_perplexity",
        value=value,
        higher_is_better=True,
        error=value * float(each.std(ddof=1)) / math.sqrt(len(each)),
        method="delta method over examples",
        samples=len(codes),
        notes=(f"codebook of {size}", *notes),
    )


def dead_codes(codes: np.ndarray, size: int) -> Card:
    """Counts the codes that no example uses.

    Args:
        codes: integers in [0, size), (n,) or (n, ...).
        size: of the codebook.

    Returns:
        The card; the error says how much the count over another n examples would vary.

    Raises:
        ValueError: for codes outside the codebook, probabilities, or fewer than 2 examples.

    >>> dead_codes(np.array([0, 3, 3, 0] * 100), size=4).value
    2.0
    """
    codes = _check_codes(codes, size)
    if codes.dtype.kind == "f":
        raise ValueError("dead_codes counts integer codes, got probabilities: take their argmax")
    notes = check_size("dead_codes", len(codes), floor=2, recommended=10 * size, what="examples")
    counts = np.bincount(codes.ravel(), minlength=size)
    return Card(
        metric="dead_codes",
        value=float((counts == 0).sum()),
        error=seen_error(counts),
        method="closed-form bootstrap",
        samples=len(codes),
        notes=(f"codebook of {size}", *notes),
    )


def active_units(means: np.ndarray, threshold: float = 0.01) -> Card:
    """Counts the latents whose posterior mean depends on the example: its variance is above 0.01.

        active where Var_x(E_q(z|x)[z]) > threshold

    Args:
        means: (n, latent_dim), the posterior means of n examples: `VAE.encode`.
        threshold: of the variance, under a prior of variance 1.

    Returns:
        The card; the interval counts the latents whose variance is above the threshold for sure,
        and those whose variance may be.

    Raises:
        ValueError: for NaN, or fewer than 20 examples.

    Source: "Importance Weighted Autoencoders" (Burda et al., 2016), section 5.2.

    >>> z = np.random.default_rng(0).normal(size=(5000, 3)) * [1.0, 0.5, 0.001]
    >>> active_units(z).value
    2.0
    """
    means = as_vectors(means, "means")
    n, units = means.shape
    notes = check_size("active_units", n, floor=20, recommended=1000, what="examples")
    offset = means - means.mean(axis=0)
    variance = (offset**2).mean(axis=0)
    # Var(s^2) = (m4 - s^4) / n
    error = np.sqrt(np.maximum((offset**4).mean(axis=0) - variance**2, 0.0) / n)
    low, high = (float((variance + sign * 1.96 * error > threshold).sum()) for sign in (-1, 1))
    return Card(
        metric="active_units",
        value=float((variance > threshold).sum()),
        higher_is_better=None,
        interval=(low, high),
        method="normal interval of each variance",
        samples=n,
        notes=(f"of {units} latents", f"variance above {threshold:g}", *notes),
    )


def _check_codes(codes: np.ndarray, size: int) -> np.ndarray:
    """Integers in [0, size) or float64 probabilities (..., size)."""
    codes = np.asarray(codes)
    if size < 1 or codes.size == 0 or codes.dtype.kind not in "fiu":
        raise ValueError(
            f"expected integer codes or probabilities and size >= 1, got {codes.dtype} of shape "
            f"{codes.shape} and size {size}"
        )
    if codes.dtype.kind != "f":
        wrong = (codes < 0) | (codes >= size)
        if wrong.any():
            raise ValueError(
                f"expected codes in [0, {size}), got {codes[wrong][0]} and others, {wrong.sum()} in all"
            )
        return np.atleast_1d(codes)
    if codes.ndim < 2 or codes.shape[-1] != size:
        raise ValueError(f"expected probabilities of shape (n, ..., {size}), got {codes.shape}")
    codes = codes.astype("float64")
    if not (codes >= 0).all() or not np.allclose(codes.sum(axis=-1), 1.0, atol=1e-4):
        raise ValueError("expected probabilities at least 0 that sum to 1: apply softmax to logits")
    return codes
