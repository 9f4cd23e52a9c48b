"""Layers that networks and families share."""

from kgen.layers.batch_norm import BatchNormalization
from kgen.layers.conv_transpose import Conv2DTranspose
from kgen.layers.dropout import Dropout
from kgen.layers.initializers import GlorotUniform, Normal

__all__ = ["BatchNormalization", "Conv2DTranspose", "Dropout", "GlorotUniform", "Normal"]
