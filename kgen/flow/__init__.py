"""Normalizing flows: bijections with exact likelihoods, and the model that trains them."""

from kgen.flow import dequantization, layers, masks, transforms
from kgen.flow.builders import FFJORD, IAF, MAF, ConvRealNVP, Glow, NeuralSplineFlow, RealNVP
from kgen.flow.dequantization import UniformNoise, VariationalNoise
from kgen.flow.distribution import Transformed, log_density
from kgen.flow.masks import Checkerboard, Half
from kgen.flow.model import Flow
from kgen.flow.transforms import Additive, Affine, RationalQuadratic

__all__ = [
    "FFJORD",
    "IAF",
    "MAF",
    "Additive",
    "Affine",
    "Checkerboard",
    "ConvRealNVP",
    "Flow",
    "Glow",
    "Half",
    "NeuralSplineFlow",
    "RationalQuadratic",
    "RealNVP",
    "Transformed",
    "UniformNoise",
    "VariationalNoise",
    "dequantization",
    "layers",
    "log_density",
    "masks",
    "transforms",
]
