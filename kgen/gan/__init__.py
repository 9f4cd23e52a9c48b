"""Adversarial models: losses of discriminator outputs, penalties, and the model that plays the game."""

from kgen.gan.augment import (
    Adaptive,
    Augmentation,
    Color,
    Cutout,
    Flip,
    InstanceNoise,
    Translate,
)
from kgen.gan.auxiliary import Auxiliary, Classifier, MutualInformation
from kgen.gan.constraints import OrthogonalRegularisation, WeightClipping
from kgen.gan.diagnostics import Diagnose
from kgen.gan.history import HistoryPool
from kgen.gan.losses import (
    AdversarialLoss,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Wasserstein,
)
from kgen.gan.model import GAN
from kgen.gan.penalties import (
    R1,
    R2,
    Dragan,
    GradientPenalty,
    Penalty,
)
from kgen.gan.relativistic import RelativisticAverage, RelativisticPairing
from kgen.gan.unrolling import Unrolling

__all__ = [
    "GAN",
    "R1",
    "R2",
    "Adaptive",
    "AdversarialLoss",
    "Augmentation",
    "Auxiliary",
    "Classifier",
    "Color",
    "Cutout",
    "Diagnose",
    "Dragan",
    "Flip",
    "GradientPenalty",
    "Hinge",
    "HistoryPool",
    "InstanceNoise",
    "LeastSquares",
    "Minimax",
    "MutualInformation",
    "NonSaturating",
    "OrthogonalRegularisation",
    "Penalty",
    "RelativisticAverage",
    "RelativisticPairing",
    "Translate",
    "Unrolling",
    "Wasserstein",
    "WeightClipping",
]
