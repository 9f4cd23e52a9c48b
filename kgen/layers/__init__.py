"""Layers that networks and families share."""

from kgen.layers.attention import Attention
from kgen.layers.batch_norm import BatchNormalization
from kgen.layers.causal import AtColumn, CausalLayer, RowLayer, RowsAbove, Shift
from kgen.layers.causal_attention import CausalAttention
from kgen.layers.conv import Conv2D
from kgen.layers.conv_transpose import Conv2DTranspose
from kgen.layers.dropout import Dropout
from kgen.layers.group_norm import GroupNormalization
from kgen.layers.initializers import GlorotUniform, Normal
from kgen.layers.layer_norm import LayerNormalization
from kgen.layers.lstm import LSTM
from kgen.layers.masked_conv import MaskedConv2D, RowConv2D
from kgen.layers.masked_dense import ByDimension, MaskedDense
from kgen.layers.maxout import Maxout
from kgen.layers.minibatch import MinibatchStandardDeviation
from kgen.layers.pointwise import AddVector, Gate
from kgen.layers.positions import GridPositions
from kgen.layers.spectral_norm import SpectralNormalization
from kgen.layers.upsample_conv import UpsampleConv2D

__all__ = [
    "LSTM",
    "AddVector",
    "AtColumn",
    "Attention",
    "BatchNormalization",
    "ByDimension",
    "CausalAttention",
    "CausalLayer",
    "Conv2D",
    "Conv2DTranspose",
    "Dropout",
    "Gate",
    "GlorotUniform",
    "GridPositions",
    "GroupNormalization",
    "LayerNormalization",
    "MaskedConv2D",
    "MaskedDense",
    "Maxout",
    "MinibatchStandardDeviation",
    "Normal",
    "RowConv2D",
    "RowLayer",
    "RowsAbove",
    "Shift",
    "SpectralNormalization",
    "UpsampleConv2D",
]
