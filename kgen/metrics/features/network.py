"""Feature networks: named objects that turn images into the vectors that metrics compare."""

import contextlib
import random
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from kgen.data.lazy import LazyArray
from kgen.metrics.features.resize import METHOD, resize, to_channels

if TYPE_CHECKING:
    import keras

Forward = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]
Images = np.ndarray | LazyArray | Iterable[np.ndarray | tuple[np.ndarray, ...]]

_ROUNDING = 1e-5  # by which values may pass [-1, 1]


class FeatureNetwork:
    """Turns images into features (n, d), and into class probabilities where it is a classifier.

    It works a batch at a time: only the features of all images are ever in memory, or, with
    `batches`, those of one batch.

    Images are float (n, h, w, c) in [-1, 1] with 1 or 3 channels: an array, a
    `kgen.data.LazyArray`, or an iterable of batches, such as `kgen.data.Batches`, whose labels are
    ignored. Those of another size than `input_shape` are resized (`resize.py`), grey ones repeated
    where three channels are expected.

    Args:
        forward: takes float32 images of `input_shape`, at most `batch_size`; gives features (n, d),
            and probabilities (n, classes) or None.
        name: what the card calls it.
        input_shape: (h, w, c); None: any, and images are left as they are.
        dimension: d, where it is known.
        classes: how many; None: it is no classifier.
        sha256: of the file of its weights.
        batch_size: images at a time.

    Raises ValueError, on a call, for images of another dtype, shape or range, NaN or no images, and
    where `forward` gives no finite features (n, d).

    >>> mean = custom_features(lambda images: images.mean(axis=(1, 2)), "mean colour")
    >>> mean(np.ones((5, 8, 8, 3))).tolist()[0]
    [1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        forward: Forward,
        name: str,
        input_shape: tuple[int, int, int] | None = None,
        dimension: int | None = None,
        classes: int | None = None,
        sha256: str | None = None,
        batch_size: int = 256,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"expected batch_size >= 1, got {batch_size}")
        self.forward = forward
        self.name = name
        self.input_shape = input_shape
        self.dimension = dimension
        self.classes = classes
        self.sha256 = sha256
        self.batch_size = batch_size

    @property
    def resize(self) -> str | None:
        """How images of another size are brought to that of the network; None: they are not."""
        if self.input_shape is None:
            return None
        height, width, _ = self.input_shape
        return f"{METHOD} to {height}x{width}"

    def __call__(self, images: Images) -> np.ndarray:
        """Gives the features of images: float32 (n, d)."""
        return np.concatenate([features for features, _ in self.batches(images)])

    def probabilities(self, images: Images) -> np.ndarray:
        """Gives the probability of each class: float32 (n, classes).

        Raises ValueError where the network is no classifier; else as a call.
        """
        self._check_classifier()
        return np.concatenate([probabilities for _, probabilities in self.batches(images)])

    def batches(self, images: Images) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """Gives features, and probabilities or None, of a batch of images after the other."""
        n = 0
        for batch in _cut(images, self.batch_size):
            features, probabilities = self.forward(self._prepare(batch, n))
            yield self._checked(features, len(batch)), probabilities
            n += len(batch)
        if n == 0:
            raise ValueError(f"{self.name}: no images")

    def _check_classifier(self) -> None:
        if self.classes is None:
            raise ValueError(
                f"{self.name} is no classifier, it has no class probabilities: use "
                "fashion_classifier(), mnist_classifier() or inception()"
            )

    def _prepare(self, batch: np.ndarray, start: int) -> np.ndarray:
        check_images(batch, start)
        if self.input_shape is None:
            return batch.astype("float32", copy=False)
        height, width, channels = self.input_shape
        return to_channels(resize(batch, height, width), channels)

    def _checked(self, features: np.ndarray, n: int) -> np.ndarray:
        features = np.asarray(features, np.float32)
        d = self.dimension
        if features.ndim != 2 or len(features) != n or (d is not None and features.shape[1] != d):
            expected = f"({n}, {'d' if d is None else d})"
            raise ValueError(f"{self.name} gave features of shape {features.shape}, not {expected}")
        if not np.isfinite(features).all():
            raise ValueError(f"{self.name} gave NaN or infinite features")
        return features


def custom_features(
    function: Callable[[np.ndarray], Any], name: str, batch_size: int = 256
) -> FeatureNetwork:
    """Makes a feature network of any function: one's own encoder, or a fixed transform.

    Args:
        function: takes float32 images (n, h, w, c) in [-1, 1], gives features (n, d): an array, or
            a tensor of the backend.
        name: what the card calls it.
        batch_size: images at a time.

    >>> pixels = custom_features(lambda images: images.reshape(len(images), -1), "pixels")
    >>> pixels(np.zeros((3, 4, 4, 1))).shape, pixels.name
    ((3, 16), 'pixels')
    """

    def forward(images: np.ndarray) -> tuple[np.ndarray, None]:
        return _to_numpy(function(images)), None

    return FeatureNetwork(forward, name, batch_size=batch_size)


def of_model(
    model: "keras.Model", layer: str, name: str, sha256: str | None, batch_size: int
) -> FeatureNetwork:
    """Makes a feature network of a Keras classifier.

    Args:
        model: takes images in [-1, 1], gives probabilities (n, classes).
        layer: the name of the one whose output (n, d) is the features.
        name: what the card calls it.
        sha256: of the file of its weights.
        batch_size: images at a time.
    """
    import keras

    features = model.get_layer(layer).output
    both = keras.Model(model.input, [features, model.output])
    return FeatureNetwork(
        lambda images: tuple(both.predict_on_batch(images)),
        name,
        input_shape=model.input_shape[1:],
        dimension=features.shape[-1],
        classes=model.output_shape[-1],
        sha256=sha256,
        batch_size=batch_size,
    )


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Builds a network in float32, and without a trace in a training that it observes.

    Keras draws the seeds of initial weights from Python's `random`: its state is put back.
    """
    import keras

    policy, state = keras.config.dtype_policy(), random.getstate()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        random.setstate(state)


def check_images(images: np.ndarray, start: int = 0) -> None:
    """Raises ValueError for anything but floats (n, h, w, c) in [-1, 1] with 1 or 3 channels.

    start: the number of the first of them, for the message.

    >>> check_images(np.zeros((2, 28, 28, 1)))
    """
    if images.dtype.kind != "f":
        raise ValueError(
            f"expected float images in [-1, 1], got {images.dtype}: scale bytes as x / 127.5 - 1 "
            "(kgen.data.images.to_float)"
        )
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"expected images of shape (n, h, w, 1 or 3), got {images.shape}")
    bad = ~np.isfinite(images).all(axis=(1, 2, 3))
    if bad.any():
        raise ValueError(f"NaN or infinite values in image {start + int(bad.argmax())}")
    if images.size and np.abs(images).max() > 1 + _ROUNDING:
        raise ValueError(
            f"expected images in [-1, 1], got values in [{images.min():.4g}, {images.max():.4g}]: "
            "scale or clip them"
        )


def _cut(images: Images, size: int) -> Iterator[np.ndarray]:
    """Gives the images in batches of at most `size`."""
    for block in [images] if hasattr(images, "shape") else images:
        block = block[0] if isinstance(block, tuple) else block  # images, labels
        for start in range(0, len(block), size):
            yield _to_numpy(block[start : start + size])


def _to_numpy(values: Any) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values
    import keras

    return keras.ops.convert_to_numpy(values)
