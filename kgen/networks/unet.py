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
from kgen.networks.names import Functional, named, scoped
from kgen.networks.seeds import layer_seeds
from kgen.networks.shapes import as_shape

_CONV = {1: layers.Conv1D, 2: Conv2D, 3: layers.Conv3D}
_UPSAMPLING = {1: layers.UpSampling1D, 3: layers.UpSampling3D}


@scoped
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

    x = make.convolution(with_image(inputs), width, "input-conv")
    skips = [x]
    for level, multiplier in enumerate(multipliers):
        if level:
            x = make.convolution(x, x.shape[-1], f"down_{level}-downsample", strides=2)
            skips.append(x)
        for block in range(blocks):
            x = make.block(x, width * multiplier, f"down_{level}-block_{block}")
            skips.append(x)
    x = make.residual(make.block(x, x.shape[-1], "middle-block_0"), x.shape[-1], "middle-block_1")
    for level, multiplier in reversed(list(enumerate(multipliers))):
        for block in range(blocks + 1):
            part = f"up_{level}-block_{block}"
            x = layers.Concatenate(name=f"{part}-concatenate")([x, skips.pop()])
            x = make.block(x, width * multiplier, part)
        if level:
            x = make.doubled(x, f"up_{level}")
    x = make.activated(make.normalised(x, "output-norm"), "output-activation")
    channels = channels_out or shape[-1]
    outputs = make.convolution(x, channels, "output-conv", zero=True, dtype="float32")
    return Functional(list(inputs.values()), outputs, name=name)


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

    def block(self, x: keras.KerasTensor, channels: int, name: str) -> keras.KerasTensor:
        """A residual block, and attention where the size is a chosen one."""
        return self.attention(self.residual(x, channels, name), name)

    def residual(self, x: keras.KerasTensor, channels: int, name: str) -> keras.KerasTensor:
        """x + conv(swish(condition(norm(conv(swish(norm(x)))))))."""
        h = self.activated(self.normalised(x, f"{name}-norm_0"), f"{name}-activation_0")
        h = self.convolution(h, channels, f"{name}-conv_0")
        h = self.activated(self.conditioned(h, name), f"{name}-activation_1")
        if self.dropout:
            h = Dropout(self.dropout, seed=next(self.seeds), name=f"{name}-dropout")(h)
        h = self.convolution(h, channels, f"{name}-conv_1", zero=True)
        if x.shape[-1] != channels:
            x = self.dense(x, channels, f"{name}-shortcut")  # a convolution of one pixel
        return layers.Add(name=f"{name}-add")([x, h])

    def conditioned(self, h: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """Normalises h and lets the embedding change it."""
        channels, norm = h.shape[-1], f"{name}-norm_1"
        if not self.scale_shift:
            shift = self.dense(self.embedding, channels, f"{name}-embedding")
            shift = everywhere(shift, h, f"{name}-shift")
            return self.normalised(named(h + shift, f"{name}-shifted"), norm)
        both = self.dense(self.embedding, 2 * channels, f"{name}-embedding")
        shift, scale = named(ops.split(both, 2, axis=-1), f"{name}-split")
        return modulate(self.normalised(h, norm, affine=False), shift, scale, f"{name}-modulate")

    def attention(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """Lets pixels attend to each other, then to the context, where the size is a chosen one."""
        if max(x.shape[1:-1]) not in self.attended:
            return x
        heads = _heads(x.shape[-1], self.head_width)
        part = f"{name}-self_attention"
        x = self.added(x, self_attention(self.pixels(x, part), heads, self.seeds, name=part), part)
        if self.context is None:
            return x
        part = f"{name}-cross_attention"
        h = cross_attention(self.pixels(x, part), self.context, heads, self.seeds, part)
        return self.added(x, h, part)

    def pixels(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """The normalised pixels as a sequence."""
        sequence = layers.Reshape((-1, x.shape[-1]), name=f"{name}-pixels")
        return sequence(self.normalised(x, f"{name}-norm"))

    def added(self, x: keras.KerasTensor, h: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """x, and a sequence of its pixels added."""
        h = layers.Reshape(x.shape[1:], name=f"{name}-map")(h)
        return layers.Add(name=f"{name}-add")([x, h])

    def convolution(
        self,
        x: keras.KerasTensor,
        channels: int,
        name: str,
        strides: int = 1,
        zero: bool = False,
        dtype: str | None = None,
    ) -> keras.KerasTensor:
        seed = next(self.seeds)
        start = keras.initializers.Zeros() if zero else GlorotUniform(seed)
        layer = _CONV[len(x.shape) - 2](
            channels,
            3,
            strides=strides,
            padding="same",
            kernel_initializer=start,
            dtype=dtype,
            name=name,
        )
        return layer(x)

    def doubled(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """Repeats each pixel twice along every axis, and convolves."""
        rank, channels, upsample = len(x.shape) - 2, x.shape[-1], f"{name}-upsample"
        if rank == 2:
            start = GlorotUniform(next(self.seeds))
            return UpsampleConv2D(channels, kernel_initializer=start, name=upsample)(x)
        repeated = _UPSAMPLING[rank](2, name=f"{name}-repeat")(x)
        return self.convolution(repeated, channels, upsample)

    def dense(self, x: keras.KerasTensor, units: int, name: str) -> keras.KerasTensor:
        start = GlorotUniform(next(self.seeds))
        return layers.Dense(units, kernel_initializer=start, name=name)(x)

    def normalised(self, x: keras.KerasTensor, name: str, affine: bool = True) -> keras.KerasTensor:
        groups = group_count(x.shape[-1])
        return GroupNormalization(groups, scale=affine, center=affine, name=name)(x)

    def activated(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return layers.Activation(keras.activations.silu, name=name)(x)


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
