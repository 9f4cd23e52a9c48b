"""Transforms with weights: Keras layers that map data to latents and back."""

from kgen.flow.layers.autoregressive import InverseAutoregressive, MaskedAutoregressive
from kgen.flow.layers.base import Chain, Inverse, Transform
from kgen.flow.layers.continuous import Continuous
from kgen.flow.layers.coupling import Coupling
from kgen.flow.layers.images import Logit, Split, Squeeze
from kgen.flow.layers.linear import ActNorm, Linear, Permutation
from kgen.flow.layers.planar import Planar, Radial

__all__ = [
    "ActNorm",
    "Chain",
    "Continuous",
    "Coupling",
    "Inverse",
    "InverseAutoregressive",
    "Linear",
    "Logit",
    "MaskedAutoregressive",
    "Permutation",
    "Planar",
    "Radial",
    "Split",
    "Squeeze",
    "Transform",
]
