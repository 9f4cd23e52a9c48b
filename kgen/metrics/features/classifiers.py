"""The two classifiers that come with kgen; their penultimate layer gives the features of an image.

`recipes/classifier.py` trains them, and says how well they classify.
"""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kgen.metrics.features.network import FeatureNetwork, apart, of_model

if TYPE_CHECKING:
    import keras

_WEIGHTS = Path(__file__).parent / "weights"
_SHA256 = {
    "fashion_classifier": "e666fed920e6832f57c44e4e2a3e4bc409e53bd39f52b032c1cb91aa88f860c9",
    "mnist_classifier": "fc02d9a475d2783dcf2a1af9aa04a91a8d78b17c27abbd131ca83e9db8355092",
}


def fashion_classifier(batch_size: int = 256) -> FeatureNetwork:
    """Gives the feature network for clothes: 96 features, 10 classes of Fashion-MNIST.

    For grey images, resized to 28x28. Its test accuracy is in `recipes/classifier.py`.
    Raises ValueError where its file of weights is not the published one.

    >>> network = fashion_classifier()
    >>> network(np.zeros((3, 28, 28, 1))).shape
    (3, 96)
    """
    return _load("fashion_classifier", batch_size)


def mnist_classifier(batch_size: int = 256) -> FeatureNetwork:
    """Gives the feature network for digits: 96 features, the 10 digits of MNIST.

    For grey images, resized to 28x28. Its test accuracy is in `recipes/classifier.py`.
    Raises ValueError where its file of weights is not the published one.

    >>> network = mnist_classifier()
    >>> network.probabilities(np.zeros((3, 28, 28, 1))).shape
    (3, 10)
    """
    return _load("mnist_classifier", batch_size)


def image_classifier(
    shape: Sequence[int] = (28, 28, 1), classes: int = 10, initializer: str = "glorot_uniform"
) -> "keras.Model":
    """Builds the untrained network of both: a Keras model from images to logits.

    Takes float images (n, h, w, c) in [-1, 1], gives logits (n, classes). Five convolutions, each
    with batch normalisation and ReLU, at the full, a half and a quarter of the size; the mean over
    all positions is the layer "features", (n, 96). With the default arguments 157,954 numbers.
    The initializer is that of the kernels, as Keras' layers take it.
    """
    import keras
    from keras import layers

    def convolution(x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
        convolve = layers.Conv2D(
            channels, 3, padding="same", use_bias=False, kernel_initializer=initializer
        )
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(convolve(x)))

    inputs = keras.Input(tuple(shape))
    x = layers.MaxPooling2D()(convolution(inputs, 24))
    x = layers.MaxPooling2D()(convolution(convolution(x, 48), 48))
    x = convolution(convolution(x, 96), 96)
    x = layers.GlobalAveragePooling2D(name="features")(x)
    logits = layers.Dense(classes, kernel_initializer=initializer)(x)
    return keras.Model(inputs, logits, name="image_classifier")


def save_weights(model: "keras.Model", path: Path) -> None:
    """Writes the weights of a model into an .npz file: float16, in the order of `model.weights`."""
    np.savez_compressed(path, *(weight.astype("float16") for weight in model.get_weights()))


def load_weights(model: "keras.Model", path: Path, sha256: str) -> None:
    """Reads what `save_weights` wrote into a model like that one.

    Raises ValueError where the file has another sha256.
    """
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(
            f"{path}: corrupt or changed; expected sha256 {sha256}, found {found}: install kgen again"
        )
    with np.load(io.BytesIO(content)) as arrays:
        model.set_weights([arrays[name].astype("float32") for name in arrays.files])


def _load(name: str, batch_size: int) -> FeatureNetwork:
    import keras

    with apart():
        model = image_classifier(initializer="zeros")  # JAX takes 4 s to compile random ones
        load_weights(model, _WEIGHTS / f"{name}.npz", _SHA256[name])
        probabilities = keras.Model(model.input, keras.layers.Softmax()(model.output))
        return of_model(probabilities, "features", name, _SHA256[name], batch_size)
