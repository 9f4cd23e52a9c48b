"""Inception v3 with Keras' weights: features for colour images of any kind.

Its Fréchet distance is a "Keras-Inception Fréchet distance". It is not the FID of papers: that is
defined by other weights of the same architecture, and the two differ.
"""

import hashlib
import os
from pathlib import Path

from kgen.data.tfds import why_unreachable
from kgen.metrics.features.network import FeatureNetwork, apart, of_model

_URL = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"
_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"
_MD5 = "9a0d58056eeedaa3f26cb7ebd46da564"  # as Keras publishes it
_TIMEOUT = 3.0  # seconds to wait for the host of the weights


def inception(weights: str | Path | None = None, batch_size: int = 32) -> FeatureNetwork:
    """Gives Inception v3: 2048 features (its last pooling), 1000 classes of ImageNet.

    Images of any size are resized to 299x299, grey ones become RGB.

    Args:
        weights: a file of weights of `keras.applications.InceptionV3`; None: those of ImageNet,
            96 MB, fetched the first time into the folder `models` of Keras (`$KERAS_HOME`, or
            ~/.keras).
        batch_size: images at a time.

    Raises:
        ConnectionError: within seconds, where the weights must be fetched and their host cannot be
            reached.
        FileNotFoundError: where `weights` does not exist.
        ValueError: where it holds the weights of another network.

    Source: "Rethinking the Inception Architecture for Computer Vision" (Szegedy et al., 2016).
    """
    import keras

    path = _imagenet() if weights is None else Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of weights; weights=None fetches Keras' own")
    with apart():
        model = keras.applications.InceptionV3(weights=None)
        try:
            model.load_weights(path)
        except (ValueError, OSError, KeyError) as error:
            raise ValueError(
                f"{path}: not weights of keras.applications.InceptionV3 with its 1000 classes ({error})"
            ) from error
        name = "Keras-Inception" if weights is None else f"Keras-Inception ({path.name})"
        return of_model(model, "avg_pool", name, _sha256(path), batch_size)


def _imagenet() -> Path:
    """Gives the file of Keras' weights, fetched where it is not on this machine."""
    import keras

    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"
    if not (folder / _FILE).is_file():
        _check_host(folder)
    return Path(keras.utils.get_file(_FILE, _URL + _FILE, cache_subdir=str(folder), file_hash=_MD5))


def _check_host(folder: Path) -> None:
    """Raises ConnectionError unless the host answers soon."""
    reason = why_unreachable(_URL, _TIMEOUT)
    if reason:
        raise ConnectionError(
            f"the weights of Inception are not on this machine and cannot be fetched: {reason}. "
            f"Check the network and the proxy; or fetch {_URL}{_FILE} elsewhere and put it into "
            f"{folder}, or pass its path: inception(weights=...). fashion_classifier() and "
            "mnist_classifier() need no network"
        )


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
