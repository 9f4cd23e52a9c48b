"""What is done to real and fake examples alike before the discriminator sees them.

An augmentation is a pure, differentiable function of examples and keys, so that the generator learns
through it. Source: "Differentiable Augmentation for Data-Efficient GAN Training" (Zhao et al., 2020),
section 3; images are channels-last in [-1, 1], and may leave that range.
"""

import dataclasses
from typing import NamedTuple

import keras
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.core.record import Record


class Moment(NamedTuple):
    """When an augmentation is applied."""

    probability: Tensor | None = None
    """Of each augmentation, for each example by itself; None: always."""
    step: Tensor | int = 0
    """Discriminator steps so far."""


class Augmentation(Record):
    """The base: applies `change` to each example with the probability of the moment."""

    def change(self, x: Tensor, keys: Tensor) -> Tensor:
        """Changes examples `(batch, ...)`; keys are int32 `(batch, 2)`."""
        raise NotImplementedError

    def __call__(self, x: Tensor, keys: Tensor, moment: Moment = Moment()) -> Tensor:  # noqa: B008
        """Changes some of the examples."""
        changed = self.change(x, kgen.random.fold_in(keys, 0))
        if moment.probability is None:
            return changed
        coin = _one_each(kgen.random.fold_in(keys, 1), x) < moment.probability
        return ops.where(coin, changed, x)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Color(Augmentation):
    """Changes brightness, saturation and contrast of images, by one random number each.

    Args:
        brightness: adds a number of [-brightness / 2, brightness / 2].
        saturation: scales the distances from the mean over the channels, by [1 - saturation, 1 +
            saturation].
        contrast: scales the distances from the image's mean, by [1 - contrast / 2, 1 + contrast / 2].

    >>> x = ops.ones((4, 8, 8, 3))
    >>> tuple(Color()(x, kgen.random.keys(0, 4)).shape)
    (4, 8, 8, 3)
    """

    brightness: float = 1.0
    saturation: float = 1.0
    contrast: float = 1.0

    def change(self, x: Tensor, keys: Tensor) -> Tensor:
        """Applies the three in this order."""
        light, pale, sharp = (_one_each(kgen.random.fold_in(keys, i), x) - 0.5 for i in range(3))
        x = x + self.brightness * light
        grey = ops.mean(x, axis=-1, keepdims=True)
        x = grey + (1.0 + 2.0 * self.saturation * pale) * (x - grey)
        mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
        return mean + (1.0 + self.contrast * sharp) * (x - mean)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Translate(Augmentation):
    """Moves images by whole pixels, up to a share of their size each way; zeros come in.

    Args:
        share: of height and width.

    >>> x = ops.ones((4, 8, 8, 1))
    >>> tuple(Translate()(x, kgen.random.keys(0, 4)).shape)
    (4, 8, 8, 1)
    """

    share: float = 0.125

    def change(self, x: Tensor, keys: Tensor) -> Tensor:
        """Multiplies by a matrix that moves the rows, and by one that moves the columns."""
        for axis, equation in ((1, "bij,bjwc->biwc"), (2, "bij,bhjc->bhic")):
            size = x.shape[axis]
            reach = round(self.share * size)
            shift = kgen.random.randint(kgen.random.fold_in(keys, axis), -reach, reach + 1)
            place = ops.arange(size, dtype="int32")
            source = place[None, :, None] + shift[:, None, None]
            matrix = ops.cast(source == place[None, None, :], x.dtype)
            x = ops.einsum(equation, matrix, x)
        return x


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Cutout(Augmentation):
    """Sets a rectangle of each image to zero; it may stick out.

    Args:
        share: its size, of height and width.

    >>> x = ops.ones((4, 8, 8, 1))
    >>> float(ops.min(Cutout()(x, kgen.random.keys(0, 4))))
    0.0
    """

    share: float = 0.5

    def change(self, x: Tensor, keys: Tensor) -> Tensor:
        """Multiplies by a mask."""
        inside = None
        for axis in (1, 2):
            size = x.shape[axis]
            length = round(self.share * size)
            centre = kgen.random.randint(kgen.random.fold_in(keys, axis), 0, size + 1)
            place = ops.arange(size, dtype="int32")[None, :] - centre[:, None] + length // 2
            within = ops.logical_and(place >= 0, place < length)
            within = ops.expand_dims(within, (2, 3) if axis == 1 else (1, 3))
            inside = within if inside is None else ops.logical_and(inside, within)
        return x * ops.cast(ops.logical_not(inside), x.dtype)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Flip(Augmentation):
    """Mirrors images left to right with probability 1/2.

    >>> x = ops.ones((4, 8, 8, 1))
    >>> float(ops.min(Flip()(x, kgen.random.keys(0, 4))))
    1.0
    """

    def change(self, x: Tensor, keys: Tensor) -> Tensor:
        """Mirrors half of the images."""
        return ops.where(_one_each(keys, x) < 0.5, ops.flip(x, axis=2), x)


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class InstanceNoise(Augmentation):
    """Adds normal noise to real and fake examples: their distributions overlap, the gradient lives.

    Its standard deviation falls linearly to 0 over some steps.

    Args:
        scale: standard deviation at the start.
        steps: discriminator steps until it is 0; None: it stays.

    Source: "Amortised MAP Inference for Image Super-resolution" (Sønderby et al., 2017), section 3.2.

    >>> x = ops.ones((4, 2))
    >>> float(ops.max(InstanceNoise(0.1, steps=10)(x, kgen.random.keys(0, 4), Moment(step=10))))
    1.0
    """

    scale: float = 0.1
    steps: int | None = None

    def __call__(self, x: Tensor, keys: Tensor, moment: Moment = Moment()) -> Tensor:  # noqa: B008
        """Adds the noise of this step to every example."""
        scale = self.scale
        if self.steps is not None:
            scale = scale * ops.relu(1.0 - ops.cast(moment.step, "float32") / self.steps)
        return x + scale * kgen.random.normal(keys, tuple(x.shape[1:]))


@keras.saving.register_keras_serializable("kgen")
@dataclasses.dataclass(frozen=True)
class Adaptive(Record):
    """Augments as often as it takes to keep the discriminator from learning the examples by heart.

    With r = E[sign(D(x))] over the real examples of a step, the probability p of each augmentation
    moves by

        p <- clip(p + sign(r - target) * batch / examples, 0, 1).

    p is a weight of the model: it is saved and resumed.

    Args:
        target: of r, which is near 0 at the start and 1 for a discriminator that knows every example.
        examples: after how many p may have gone from 0 to 1.

    Source: "Training Generative Adversarial Networks with Limited Data" (Karras et al., 2020),
    section 3.1.

    >>> round(float(Adaptive(examples=1000).move(0.5, overfit=1.0, batch=100)), 6)
    0.6
    """

    target: float = 0.6
    examples: int = 500_000

    def move(self, probability: Tensor, overfit: Tensor, batch: Tensor | int) -> Tensor:
        """The next probability, from r and the size of the batch."""
        step = ops.cast(batch, "float32") / self.examples
        return ops.clip(probability + ops.sign(overfit - self.target) * step, 0.0, 1.0)


def _one_each(keys: Tensor, x: Tensor) -> Tensor:
    """One number of (0, 1) for each example, so that it broadcasts with the examples."""
    return ops.reshape(kgen.random.uniform(keys), (-1, *[1] * (len(x.shape) - 1)))
