"""Bijections as pure maths: functions of x and of parameters, without weights."""

from kgen.flow.transforms.affine import Additive, Affine, affine_unless
from kgen.flow.transforms.base import Elementwise
from kgen.flow.transforms.spline import RationalQuadratic

__all__ = ["Additive", "Affine", "Elementwise", "RationalQuadratic", "affine_unless"]
