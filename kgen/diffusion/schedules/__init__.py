"""Schedules: pure maths of a(t) and b(t), one object each."""

from kgen.diffusion.schedules.base import Schedule
from kgen.diffusion.schedules.continuous import EDM, Cosine, FlowMatching, Trigonometric
from kgen.diffusion.schedules.discrete import DDPM, NCSN
from kgen.diffusion.schedules.learned import LearnedSchedule
from kgen.diffusion.schedules.sde import VE, VP, SubVP

__all__ = [
    "DDPM",
    "EDM",
    "NCSN",
    "VE",
    "VP",
    "Cosine",
    "FlowMatching",
    "LearnedSchedule",
    "Schedule",
    "SubVP",
    "Trigonometric",
]
