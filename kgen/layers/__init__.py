"""Layers that networks and families share."""

from kgen.layers.attention import Attention
from kgen.layers.batch_norm import BatchNormalization
from kgen.layers.conv import Conv2D
from kgen.layers.conv_transpose import Conv2DTranspose
from kgen.layers.dropout import Dropout
from kgen.layers.group_norm import GroupNormalization
from kgen.layers.initializers import GlorotUniform, Normal
from kgen.layers.layer_norm import LayerNormalization
from kgen.layers.positions import GridPositions

__all__ = [
    "Attention",
    "BatchNormalization",
    "Conv2D",
    "Conv2DTranspose",
    "Dropout",
    "GlorotUniform",
    "GridPositions",
    "GroupNormalization",
    "LayerNormalization",
    "Normal",
]
