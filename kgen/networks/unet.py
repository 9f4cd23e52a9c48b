"""The U-Net of diffusion models, for sequences, images and volumes.

Sources: "Denoising Diffusion Probabilistic Models" (Ho et al., 2020), appendix B: two convolutions a
block, GroupNorm, swish, self-attention at chosen sizes. "Improved Denoising Diffusion Probabilistic
Models" (Nichol and Dhariwal, 2021), section 3: scale-shift conditioning. "Diffusion Models Beat GANs
on Image Synthesis" (Dhariwal and Nichol, 2021), section 3: heads of constant width. The last
convolution of each block and of the network starts at zero: each block starts as its shortcut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import keras
from keras import layers, ops

from kgen.layers import Conv2D, Dropout, GlorotUniform, GroupNormalization, UpsampleConv2D
from kgen.layers.group_norm import group_count
from kgen.networks.attention import cross_attention, self_attention
from kgen.networks.diffusion_inputs import diffusion_inputs, embedding, everywhere, modulate, with_image
from kgen.networks.seeds import layer_seeds
from kgen.networks.shapes import as_shape

_CONV = {1: layers.Conv1D, 2: Conv2D, 3: layers.Conv3D}
_UPSAMPLING = {1: layers.UpSampling1D, 3: layers.UpSampling3D}


def unet(
    shape: Sequence[int],
    width: int = 32,
    multipliers: Sequence[int] = (1, 2, 2),
    blocks: int = 2,
    attention: Sequence[int] | None = None,
    head_width: int = 32,
    classes: int | None = None,
    context: tuple[int, int] | None = None,
    extra_channels: int = 0,
    channels_out: int | None = None,
    time: keras.layers.Layer | None = None,
    scale_shift: bool = True,
    dropout: float = 0.0,
    seed: int | None = None,
    name: str = "unet",
) -> keras.Model:
    """Builds a U-Net, `[x, t, ...]` to `(batch, *spatial, channels_out)`.

    The inputs and their order are those of `kgen.networks.diffusion_inputs`.

    Args:
        shape: `(*spatial, channels)` of x, one to three spatial axes, multiples of
            2**(len(multipliers) - 1).
        width: channels of the largest feature maps; the embedding of the time has four times as many.
        multipliers: of the width at each size; each size is half the one before.
        blocks: residual blocks a size on the way down, one more on the way up.
        attention: at which sizes of the longest axis to attend, to the map itself and then to the
            context; (): nowhere; None: at the smallest.
        head_width: channels of an attention head; fewer where a map has fewer.
        classes: how many labels there are; None: no input "labels".
        context: (length, width) of the input "context"; None: no such input.
        extra_channels: of the input "image"; 0: no such input.
        channels_out: None: those of x. Twice as many for a learned variance.
        time: a layer from times `(batch,)` to features; None: `SinusoidalFeatures` of the width.
        scale_shift: whether the embedding scales and shifts what is normalised; False: it is added.
        dropout: rate before each block's last convolution, in [0, 1).
        seed: of the initial weights, the same on every backend, and of the dropout; None: fresh.
        name: of the model.

    Raises:
        ValueError: where the shape cannot be halved so often, head_width does not divide the
            channels attended to, no feature map has a size to attend at, or a number is out of range.

    >>> network = unet((8, 8, 1), width=8, multipliers=(1, 2), blocks=1, classes=10)
    >>> [tensor.name for tensor in network.inputs], network.output_shape
    (['x', 't', 'labels'], (None, 8, 8, 1))
    """
    sizes = _sizes(shape, multipliers)
    if min(width, blocks, head_width, *multipliers) < 1:
        raise ValueError("expected width, multipliers, blocks and head_width of at least 1")
    chosen = _attended(sizes, attention, context)
    seeds = layer_seeds(seed)
    inputs = diffusion_inputs(shape, classes, context, extra_channels)
    h = embedding(inputs, 4 * width, classes, time, seeds)
    make = _Blocks(seeds, h, inputs.get("context"), chosen, head_width, scale_shift, dropout)

    x = make.convolution(with_image(inputs), width)
    skips = [x]
    for level, multiplier in enumerate(multipliers):
        if level:
            x = make.convolution(x, x.shape[-1], strides=2)
            skips.append(x)
        for _ in range(blocks):
            x = make.attention(make.residual(x, width * multiplier))
            skips.append(x)
    x = make.residual(make.attention(make.residual(x, x.shape[-1])), x.shape[-1])
    for level, multiplier in reversed(list(enumerate(multipliers))):
        for _ in range(blocks + 1):
            x = layers.Concatenate()([x, skips.pop()])
            x = make.attention(make.residual(x, width * multiplier))
        if level:
            x = make.doubled(x)
    x = make.activated(make.normalised(x))
    outputs = make.convolution(x, channels_out or shape[-1], zero=True, dtype="float32")
    return keras.Model(list(inputs.values()), outputs, name=name)


@dataclass(frozen=True)
class _Blocks:
    """Builds the parts of a U-Net, all with the same options."""

    seeds: Iterator[int]
    embedding: keras.KerasTensor
    context: keras.KerasTensor | None
    attended: frozenset[int]
    head_width: int
    scale_shift: bool
    dropout: float

    def residual(self, x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
        """x + conv(swish(condition(norm(conv(swish(norm(x)))))))."""
        h = self.convolution(self.activated(self.normalised(x)), channels)
        h = self.activated(self.conditioned(h))
        if self.dropout:
            h = Dropout(self.dropout, seed=next(self.seeds))(h)
        h = self.convolution(h, channels, zero=True)
        if x.shape[-1] != channels:
            x = self.dense(x, channels)  # a convolution of one pixel
        return layers.Add()([x, h])

    def conditioned(self, h: keras.KerasTensor) -> keras.KerasTensor:
        """Normalises h and lets the embedding change it."""
        channels = h.shape[-1]
        if not self.scale_shift:
            return self.normalised(h + everywhere(self.dense(self.embedding, channels), h))
        shift, scale = ops.split(self.dense(self.embedding, 2 * channels), 2, axis=-1)
        return modulate(self.normalised(h, affine=False), shift, scale)

    def attention(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Lets pixels attend to each other, then to the context, where the size is a chosen one."""
        if max(x.shape[1:-1]) not in self.attended:
            return x
        channels = x.shape[-1]
        heads = _heads(channels, self.head_width)
        pixels = layers.Reshape((-1, channels))
        h = self_attention(pixels(self.normalised(x)), heads, self.seeds)
        x = layers.Add()([x, layers.Reshape(x.shape[1:])(h)])
        if self.context is None:
            return x
        pixels = layers.Reshape((-1, channels))
        h = cross_attention(pixels(self.normalised(x)), self.context, heads, self.seeds)
        return layers.Add()([x, layers.Reshape(x.shape[1:])(h)])

    def convolution(
        self,
        x: keras.KerasTensor,
        channels: int,
        strides: int = 1,
        zero: bool = False,
        dtype: str | None = None,
    ) -> keras.KerasTensor:
        seed = next(self.seeds)
        start = keras.initializers.Zeros() if zero else GlorotUniform(seed)
        layer = _CONV[len(x.shape) - 2](
            channels, 3, strides=strides, padding="same", kernel_initializer=start, dtype=dtype
        )
        return layer(x)

    def doubled(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Repeats each pixel twice along every axis, and convolves."""
        rank, channels = len(x.shape) - 2, x.shape[-1]
        if rank == 2:
            return UpsampleConv2D(channels, kernel_initializer=GlorotUniform(next(self.seeds)))(x)
        return self.convolution(_UPSAMPLING[rank](2)(x), channels)

    def dense(self, x: keras.KerasTensor, units: int) -> keras.KerasTensor:
        return layers.Dense(units, kernel_initializer=GlorotUniform(next(self.seeds)))(x)

    def normalised(self, x: keras.KerasTensor, affine: bool = True) -> keras.KerasTensor:
        return GroupNormalization(group_count(x.shape[-1]), scale=affine, center=affine)(x)

    def activated(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.Activation(keras.activations.silu)(x)


def _sizes(shape: Sequence[int], multipliers: Sequence[int]) -> list[int]:
    """Checks the shape; gives the longest axis of the feature maps, from the largest map down."""
    shape = as_shape(shape)
    if len(shape) - 1 not in _CONV:
        raise ValueError(f"expected the shape (*spatial, channels), 1 to 3 spatial axes, got {shape}")
    step = 2 ** (len(multipliers) - 1)
    *spatial, channels = shape
    if any(size < 1 or size % step for size in spatial):
        larger = (*(max(-(-size // step), 1) * step for size in spatial), channels)
        raise ValueError(
            f"data of shape {shape} cannot be halved {len(multipliers) - 1} times: the spatial "
            f"axes must be multiples of {step}. Pad the data to {larger}, or use fewer multipliers"
        )
    return [max(spatial) // 2**level for level in range(len(multipliers))]


def _heads(channels: int, head_width: int) -> int:
    if channels > head_width and channels % head_width:
        raise ValueError(
            f"expected a head_width that divides the {channels} channels, got {head_width}"
        )
    return max(channels // head_width, 1)


def _attended(
    sizes: list[int], attention: Sequence[int] | None, context: tuple[int, int] | None
) -> frozenset[int]:
    """The sizes to attend at, checked."""
    chosen = frozenset(sizes[-1:] if attention is None else attention)
    if not chosen <= set(sizes):
        raise ValueError(f"expected attention at some of the sizes {sizes}, got {sorted(chosen)}")
    if context is not None and not chosen:
        raise ValueError("a context needs attention somewhere: leave `attention` at None")
    return chosen
