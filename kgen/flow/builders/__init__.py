"""Flows of the literature, built for a number of dimensions or a shape of images."""

from kgen.flow.builders.images import ConvRealNVP, Glow
from kgen.flow.builders.vectors import FFJORD, IAF, MAF, NeuralSplineFlow, RealNVP

__all__ = ["FFJORD", "IAF", "MAF", "ConvRealNVP", "Glow", "NeuralSplineFlow", "RealNVP"]
