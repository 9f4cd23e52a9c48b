"""Adds class labels to a network: embedded input, projection, or auxiliary head.

Each function makes a new functional model around a network, whose layers it shares. Labels are int32
`(batch,)`, 0 ... classes - 1; a network with labels takes the list [x, labels].
"""

import math

import keras
from keras import layers, ops

from kgen.layers import GlorotUniform, Normal
from kgen.networks.names import Functional, named
from kgen.networks.seeds import layer_seeds


def with_labels(
    network: keras.Model, classes: int, width: int = 16, seed: int | None = None
) -> keras.Model:
    """Puts an embedding of the label behind a network's inputs: of the conditional GAN, both networks.

    Args:
        network: of vectors `(batch, d + width)`, or of images `(batch, height, width, c + 1)`, whose
            last channel then is the label's picture.
        classes: at least 1.
        width: of the embedding beside vectors.
        seed: of the embedding; None: a fresh one.

    Returns:
        A model of [x, labels], x being `(batch, d)` or `(batch, height, width, c)`.

    Raises:
        ValueError: where the network leaves no room for x, or there is no class.

    Source: "Conditional Generative Adversarial Nets" (Mirza and Osindero, 2014), section 3.2.

    >>> from kgen.networks import mlp
    >>> generator = with_labels(mlp(2 + 4, 2), classes=10, width=4)
    >>> [tuple(tensor.shape) for tensor in generator.inputs]
    [(None, 2), (None,)]
    """
    *window, channels = network.input_shape[1:]
    extra = 1 if window else width
    if channels <= extra:
        raise ValueError(
            f"the label takes {extra} of the network's {channels} inputs, which leaves none for the "
            f"examples: give it {extra} more"
        )
    x = layers.Input((*window, channels - extra), name="x")
    labels = _label_input(classes)
    size = math.prod(window) * extra
    with keras.name_scope(network.name):
        embedding = _table(classes, size, layer_seeds(seed))(labels)
    embedding = named(ops.reshape(embedding, (-1, *window, extra)), "input-reshape")
    outputs = network(layers.Concatenate(name="input-concatenate")([x, embedding]))
    return Functional([x, labels], outputs, name=network.name)


def with_projection(discriminator: keras.Model, classes: int, seed: int | None = None) -> keras.Model:
    """Adds the label to a discriminator's last layer,

        logit(x, y) = last(phi(x)) + <embedding(y), phi(x)>.

    Args:
        discriminator: ends in a Dense layer that gives one logit; phi is what goes into it.
        classes: at least 1.
        seed: of the embedding; None: a fresh one.

    Returns:
        A model of [x, labels] to logits `(batch, 1)`.

    Raises:
        ValueError: for another last layer, or where there is no class.

    Source: "cGANs with Projection Discriminator" (Miyato and Koyama, 2018), equation 3.

    >>> from kgen.networks import mlp
    >>> with_projection(mlp(2, 1), classes=10).output_shape
    (None, 1)
    """
    features = _last_features(discriminator)
    labels = _label_input(classes)
    with keras.name_scope(discriminator.name):
        embedding = _table(classes, features.shape[-1], layer_seeds(seed))(labels)
    products = named(embedding * features, "projection-multiply")
    inner = named(ops.sum(products, axis=-1, keepdims=True), "projection-sum")
    logits = named(discriminator.outputs[0] + inner, "projection-add")
    return Functional([*discriminator.inputs, labels], logits, name=discriminator.name)


def with_auxiliary(discriminator: keras.Model, outputs: int, seed: int | None = None) -> keras.Model:
    """Gives a discriminator a second head on the same features: for AC-GAN and InfoGAN.

    Args:
        discriminator: ends in a Dense layer, to whose inputs the new head is linear.
        outputs: of the head: the number of classes, and of continuous codes.
        seed: of the head's weights; None: a fresh one.

    Returns:
        A model with the outputs [logits, auxiliary], the second `(batch, outputs)`.

    Raises:
        ValueError: for another last layer.

    >>> from kgen.networks import mlp
    >>> with_auxiliary(mlp(2, 1), outputs=10).output_shape
    [(None, 1), (None, 10)]
    """
    initializer = GlorotUniform(next(layer_seeds(seed)))
    head = layers.Dense(outputs, kernel_initializer=initializer, name="auxiliary")
    with keras.name_scope(discriminator.name):
        auxiliary = head(_last_features(discriminator))
    logits = discriminator.outputs[0]
    return Functional(discriminator.inputs, [logits, auxiliary], name=discriminator.name)


def _label_input(classes: int) -> keras.KerasTensor:
    if classes < 1:
        raise ValueError(f"expected classes >= 1, got {classes}")
    return layers.Input((), dtype="int32", name="labels")


def _table(classes: int, width: int, seeds: object) -> keras.Layer:
    return layers.Embedding(
        classes, width, embeddings_initializer=Normal(width**-0.5, next(seeds)), name="label_embedding"
    )


def _last_features(network: keras.Model) -> keras.KerasTensor:
    last = network.layers[-1]
    if not isinstance(last, layers.Dense):
        raise ValueError(f"expected a network that ends in a Dense layer, got {type(last).__name__}")
    return last.input
