"""Students that sample in one to a few network calls what their teacher samples in many."""

from kgen.diffusion.distillation.consistency import ConsistencyModel
from kgen.diffusion.distillation.progressive import ProgressiveDistillation
from kgen.diffusion.distillation.reflow import Pairs, reflow_pairs
from kgen.diffusion.distillation.student import student_network

__all__ = [
    "ConsistencyModel",
    "Pairs",
    "ProgressiveDistillation",
    "reflow_pairs",
    "student_network",
]
