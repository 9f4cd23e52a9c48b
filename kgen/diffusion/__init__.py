"""Diffusion and flow matching: one model, any schedule, target and solver."""

from kgen.diffusion.grids import Grid, Karras, Quadratic, Shifted, Uniform
from kgen.diffusion.model import Diffusion
from kgen.diffusion.pairing import OptimalTransport
from kgen.diffusion.precondition import Precondition
from kgen.diffusion.sampling import Plan
from kgen.diffusion.schedules import (
    DDPM,
    EDM,
    VE,
    VP,
    Cosine,
    FlowMatching,
    Schedule,
    SubVP,
    Trigonometric,
)
from kgen.diffusion.solvers import (
    DDIM,
    Ancestral,
    AnnealedLangevin,
    DPMSolverPP2M,
    EDMSampler,
    Euler,
    EulerMaruyama,
    Heun,
    PredictorCorrector,
    RungeKutta,
    Solver,
    UniPC,
)
from kgen.diffusion.targets import Data, F, Noise, Score, Target, V, Velocity
from kgen.diffusion.times import LogitNormal, LogNormalNoise, ShiftedTimes, Times, UniformTimes
from kgen.diffusion.weights import EDMWeight, Likelihood, MinSNR, Simple, Weight

__all__ = [
    "DDIM",
    "DDPM",
    "EDM",
    "VE",
    "VP",
    "Ancestral",
    "AnnealedLangevin",
    "Cosine",
    "DPMSolverPP2M",
    "Data",
    "Diffusion",
    "EDMSampler",
    "EDMWeight",
    "Euler",
    "EulerMaruyama",
    "F",
    "FlowMatching",
    "Grid",
    "Heun",
    "Karras",
    "Likelihood",
    "LogNormalNoise",
    "LogitNormal",
    "MinSNR",
    "Noise",
    "OptimalTransport",
    "Plan",
    "Precondition",
    "PredictorCorrector",
    "Quadratic",
    "RungeKutta",
    "Schedule",
    "Score",
    "Shifted",
    "ShiftedTimes",
    "Simple",
    "Solver",
    "SubVP",
    "Target",
    "Times",
    "Trigonometric",
    "UniPC",
    "Uniform",
    "UniformTimes",
    "V",
    "Velocity",
    "Weight",
]
