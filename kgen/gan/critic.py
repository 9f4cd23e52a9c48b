"""The discriminator as losses and penalties see it: a function of examples alone."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.core.inputs import condition_names, run


class Judgement(NamedTuple):
    """What a discriminator says of a batch, float32."""

    logits: Tensor
    """`(batch, 1)`."""
    auxiliary: Tensor | None = None
    """`(batch, outputs)`, of its second head where it has one."""


@dataclasses.dataclass(frozen=True)
class Critic:
    """A discriminator, and the conditions of the examples that it is shown.

    Args:
        network: examples, or [examples, conditions...], to logits, or [logits, auxiliary].
        conditions: by name; used as far as the network takes them.
        training: whether it runs in training mode.

    >>> import kgen, numpy as np
    >>> tuple(Critic(kgen.networks.mlp(2, 1))(np.zeros((3, 2), "float32")).shape)
    (3, 1)
    """

    network: keras.Layer
    conditions: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)
    training: bool = True

    def __call__(self, x: Tensor) -> Tensor:
        """Gives the logits of examples with these conditions."""
        return self.judge(x).logits

    def judge(self, x: Tensor) -> Judgement:
        """Gives all that the network says of examples with these conditions."""
        names = condition_names(self.network)
        outputs = run(self.network, x, self.conditions, names, self.training)
        outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
        return Judgement(*(ops.cast(output, "float32") for output in outputs))

    def judge_together(self, real: Tensor, fake: Tensor) -> tuple[Judgement, Judgement]:
        """Judges real and fake examples, of the same conditions, as one batch."""
        twice = {name: ops.concatenate([value, value]) for name, value in self.conditions.items()}
        both = dataclasses.replace(self, conditions=twice).judge(ops.concatenate([real, fake]))
        halves = [(None, None) if part is None else ops.split(part, 2) for part in both]
        first, second = zip(*halves, strict=True)
        return Judgement(*first), Judgement(*second)


def pack(x: Tensor, size: int) -> Tensor:
    """Joins examples to packs: `(n * size, ..., c)` to `(n, ..., size * c)`.

    A discriminator that sees several examples at once sees whether they are all alike.

    Raises ValueError where `size` does not divide the batch, as far as that is known.

    Source: "PacGAN: The power of two samples in generative adversarial networks" (Lin et al., 2018),
    section 2.

    >>> ops.convert_to_numpy(pack(ops.reshape(ops.arange(8), (4, 2)), 2)).tolist()
    [[0, 1, 2, 3], [4, 5, 6, 7]]
    """
    if size == 1:
        return x
    batch, *window, channels = x.shape
    check_pack(batch, size)
    x = ops.reshape(x, (-1, size, *window, channels))
    x = ops.moveaxis(x, 1, -2)
    return ops.reshape(x, (-1, *window, size * channels))


def check_pack(batch: int | None, size: int) -> None:
    """Raises ValueError where packs of a size do not divide a batch; None: unknown."""
    if batch is not None and batch % size:
        raise ValueError(
            f"packs of {size} do not divide a batch of {batch} examples: choose a batch_size that is a "
            f"multiple of {size}, and leave out a last, smaller batch "
            "(kgen.data.Batches(..., drop_last=True))"
        )
