"""Mode coverage of stacked digits: which of the thousand triples of digits a generator makes.

Source: "PacGAN: The power of two samples in generative adversarial networks" (Lin et al., 2018),
section 4.2, after "Unrolled Generative Adversarial Networks" (Metz et al., 2017), section 3.3.1.
"""

import numpy as np

from kgen.metrics.card import Card
from kgen.metrics.checks import as_vectors, check_size
from kgen.metrics.features.network import FeatureNetwork, custom_features
from kgen.metrics.histograms import histogram_kl
from kgen.metrics.proportions import seen_error

_DIGITS = 10


def stacked_digits(classifier: FeatureNetwork, batch_size: int = 256) -> FeatureNetwork:
    """Makes a feature network that reads the digit in each channel of an image.

    Args:
        classifier: of grey images in ten classes: `kgen.metrics.features.mnist_classifier()`.
        batch_size: images at a time.

    Returns:
        A network of images (n, height, width, channels) to digits (n, channels), float32.

    >>> from kgen.metrics.features import mnist_classifier
    >>> stacked_digits(mnist_classifier())(np.zeros((2, 28, 28, 3), "float32")).shape
    (2, 3)
    """

    def read(images: np.ndarray) -> np.ndarray:
        n, height, width, channels = images.shape
        grey = np.moveaxis(images, -1, 1).reshape(n * channels, height, width, 1)
        return classifier.probabilities(grey).argmax(axis=-1).reshape(n, channels)

    return custom_features(read, f"digits by {classifier.name}", batch_size)


def stacked_modes(digits: np.ndarray) -> tuple[Card, Card]:
    """Counts the combinations of digits that were sampled, and how evenly: KL(q || uniform), in nats.

    From n samples the data itself misses a few of k modes where n is not much larger than k, and its
    KL is about (k - 1) / (2n): 0.019 for the usual 26,000 of three digits.

    Args:
        digits: integers 0 ... 9 (n, channels), as `stacked_digits` gives them.

    Returns:
        The cards modes_covered and mode_reverse_kl.

    Raises:
        ValueError: for other values, or fewer than 100 samples.

    >>> cards = stacked_modes(np.indices((10, 10)).reshape(2, -1).T)
    >>> cards[0].value, cards[1].value
    (100.0, 0.0)
    """
    digits = as_vectors(digits, "digits")
    numbers = digits.astype("int64")
    if (numbers != digits).any() or (numbers < 0).any() or (numbers >= _DIGITS).any():
        raise ValueError("expected digits, integers from 0 to 9: use stacked_digits(classifier)")
    channels = numbers.shape[1]
    k = _DIGITS**channels
    notes = check_size("modes_covered", len(numbers), floor=100, recommended=10 * k)
    counts = np.bincount(numbers @ _DIGITS ** np.arange(channels), minlength=k)
    covered = Card(
        metric="modes_covered",
        value=float((counts > 0).sum()),
        higher_is_better=True,
        error=seen_error(counts),
        method="closed-form bootstrap",
        samples=len(numbers),
        notes=(f"of {k} modes", *notes),
    )
    divergence = histogram_kl(counts, np.full(k, 1.0 / k))
    return covered, divergence.with_(metric="mode_reverse_kl", notes=(f"{k} modes", *notes))
