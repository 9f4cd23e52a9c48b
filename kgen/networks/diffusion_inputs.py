"""What the networks of diffusion models share: their inputs, and the embedding of time and class.

Such a network is a functional `keras.Model` of a list of named inputs, in this order, of which x and
t are always there: `network([x, t])`, `network([x, t, labels])`, and so on.

- "x": float `(batch, *shape)`, the noisy data;
- "t": float `(batch,)`, in [0, 1] (0 data, 1 noise), or any number that tells how much noise there is;
- "labels": int32 `(batch,)`, 0 ... classes - 1, and `classes` itself where there is no label;
- "context": float `(batch, length, width)`, a sequence of embeddings, for cross-attention;
- "image": float `(batch, *spatial, extra_channels)`, further channels of the input.

The output is `(batch, *spatial, channels_out)`, in float32 whatever the policy.
"""

from collections.abc import Iterator, Sequence

import keras
from keras import layers, ops

from kgen.layers import GlorotUniform, Normal
from kgen.networks.names import named
from kgen.networks.time_features import SinusoidalFeatures

Inputs = dict[str, keras.KerasTensor]


def diffusion_inputs(
    shape: Sequence[int],
    classes: int | None = None,
    context: tuple[int, int] | None = None,
    extra_channels: int = 0,
) -> Inputs:
    """Makes the inputs by name, in the order in which the network takes them.

    Args:
        shape: `(*spatial, channels)` of an example.
        classes: how many; None: no labels.
        context: (length, width) of a context; None: none.
        extra_channels: of an image to concatenate; 0: none.

    Raises:
        ValueError: where a number is below 1.

    >>> list(diffusion_inputs((8, 8, 1), classes=10))
    ['x', 't', 'labels']
    """
    sizes = {"shape": shape, "context": context or (), "classes": () if classes is None else (classes,)}
    for name, values in sizes.items():
        if any(value is None or value < 1 for value in values):
            raise ValueError(f"expected {name} of at least 1, got {tuple(values)}")
    if extra_channels < 0:
        raise ValueError(f"expected extra_channels >= 0, got {extra_channels}")
    inputs = {"x": layers.Input(tuple(shape), name="x"), "t": layers.Input((), name="t")}
    if classes is not None:
        inputs["labels"] = layers.Input((), dtype="int32", name="labels")
    if context is not None:
        inputs["context"] = layers.Input(tuple(context), name="context")
    if extra_channels:
        inputs["image"] = layers.Input((*shape[:-1], extra_channels), name="image")
    return inputs


def with_image(inputs: Inputs) -> keras.KerasTensor:
    """Gives the noisy data, with the channels of the conditioning image behind, if there is one."""
    if "image" not in inputs:
        return inputs["x"]
    return layers.Concatenate(name="input-concatenate")([inputs["x"], inputs["image"]])


def embedding(
    inputs: Inputs,
    width: int,
    classes: int | None,
    time: keras.layers.Layer | None,
    seeds: Iterator[int],
) -> keras.KerasTensor:
    """Embeds time and label in `(batch, width)`, activated: what every block is told.

    The label's embedding, of `classes` + 1 rows (the last for no label), is added to the time's.

    Args:
        inputs: as `diffusion_inputs` makes them.
        width: of the embedding.
        classes: as given to `diffusion_inputs`.
        time: a layer from `(batch,)` to features; None: `SinusoidalFeatures` of a quarter of the width.
        seeds: of the weights.

    Source: "Denoising Diffusion Probabilistic Models" (Ho et al., 2020), appendix B; "Diffusion
    Models Beat GANs on Image Synthesis" (Dhariwal and Nichol, 2021), section 3, for the labels.
    """
    features = time or SinusoidalFeatures(max(2 * (width // 8), 2))
    h = layers.Dense(
        width,
        activation=keras.activations.silu,
        kernel_initializer=GlorotUniform(next(seeds)),
        name="time-dense_0",
    )(features(inputs["t"]))
    h = layers.Dense(width, kernel_initializer=GlorotUniform(next(seeds)), name="time-dense_1")(h)
    if classes is not None:
        table = layers.Embedding(
            classes + 1, width, embeddings_initializer=Normal(0.02, next(seeds)), name="label_embedding"
        )
        h = layers.Add(name="embedding-add")([h, table(inputs["labels"])])
    return layers.Activation(keras.activations.silu, name="embedding-activation")(h)


def modulate(
    x: keras.KerasTensor, shift: keras.KerasTensor, scale: keras.KerasTensor, name: str
) -> keras.KerasTensor:
    """Computes (1 + scale) x + shift, scale and shift `(batch, channels)` at every position of x."""
    factor = named(1.0 + everywhere(scale, x, f"{name}-scale"), f"{name}-factor")
    x = named(x * factor, f"{name}-multiply")
    return named(x + everywhere(shift, x, f"{name}-shift"), f"{name}-add")


def everywhere(h: keras.KerasTensor, like: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Reshapes `(batch, channels)` so that it broadcasts over the positions of `like`."""
    return named(ops.reshape(h, (-1, *[1] * (len(like.shape) - 2), h.shape[-1])), name)
