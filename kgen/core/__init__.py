"""The engine: `GenerativeModel`, named optimizers, averages of weights, randomness that is saved."""

from kgen.core.conditions import Conditions
from kgen.core.ema import EMA
from kgen.core.endpoint import endpoint, seeds
from kgen.core.learning_rate import ScaledSchedule, scale_learning_rate
from kgen.core.model import GenerativeModel
from kgen.core.optimizers import OptimizerGroup
from kgen.core.stream import RandomStream
from kgen.core.together import fit_together

__all__ = [
    "EMA",
    "Conditions",
    "GenerativeModel",
    "OptimizerGroup",
    "RandomStream",
    "ScaledSchedule",
    "endpoint",
    "fit_together",
    "scale_learning_rate",
    "seeds",
]
