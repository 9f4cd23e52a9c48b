"""Schedules: pure maths of a(t) and b(t), one object each."""

from kgen.diffusion.schedules.base import Schedule
from kgen.diffusion.schedules.continuous import EDM, Cosine, FlowMatching, Trigonometric
from kgen.diffusion.schedules.discrete import DDPM
from kgen.diffusion.schedules.sde import VE, VP, SubVP

__all__ = ["DDPM", "EDM", "VE", "VP", "Cosine", "FlowMatching", "Schedule", "SubVP", "Trigonometric"]
