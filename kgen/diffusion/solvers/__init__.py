"""Solvers: one step of the way from noise to data, one object each."""

from kgen.diffusion.solvers.analytic import AnalyticVariance
from kgen.diffusion.solvers.ancestral import Ancestral
from kgen.diffusion.solvers.base import Problem, Solver
from kgen.diffusion.solvers.ddim import DDIM
from kgen.diffusion.solvers.dpm import DPMSolverPP2M
from kgen.diffusion.solvers.edm import EDMSampler
from kgen.diffusion.solvers.euler import Euler
from kgen.diffusion.solvers.euler_maruyama import EulerMaruyama
from kgen.diffusion.solvers.heun import Heun
from kgen.diffusion.solvers.langevin import AnnealedLangevin
from kgen.diffusion.solvers.predictor_corrector import PredictorCorrector
from kgen.diffusion.solvers.renoise import Renoise
from kgen.diffusion.solvers.runge_kutta import RungeKutta
from kgen.diffusion.solvers.unipc import UniPC

__all__ = [
    "DDIM",
    "AnalyticVariance",
    "Ancestral",
    "AnnealedLangevin",
    "DPMSolverPP2M",
    "EDMSampler",
    "Euler",
    "EulerMaruyama",
    "Heun",
    "PredictorCorrector",
    "Problem",
    "Renoise",
    "RungeKutta",
    "Solver",
    "UniPC",
]
