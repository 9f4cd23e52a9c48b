"""The training doctor: checks that watch a training, and the callback that asks them."""

from kgen.callbacks.doctor.dead_codes import DeadCodes
from kgen.callbacks.doctor.divergence import Divergence
from kgen.callbacks.doctor.doctor import Doctor
from kgen.callbacks.doctor.finding import Check, Finding
from kgen.callbacks.doctor.idle_guidance import IdleGuidance
from kgen.callbacks.doctor.mode_collapse import LostModes, ModeCollapse
from kgen.callbacks.doctor.nan import NaN
from kgen.callbacks.doctor.overfitting import Overfitting
from kgen.callbacks.doctor.posterior_collapse import PosteriorCollapse
from kgen.callbacks.doctor.protocols import Adversarial, Guided, HasCodebook, HasPosterior, Samples
from kgen.callbacks.doctor.saturation import Saturation

__all__ = [
    "Adversarial",
    "Check",
    "DeadCodes",
    "Divergence",
    "Doctor",
    "Finding",
    "Guided",
    "HasCodebook",
    "HasPosterior",
    "IdleGuidance",
    "LostModes",
    "ModeCollapse",
    "NaN",
    "Overfitting",
    "PosteriorCollapse",
    "Samples",
    "Saturation",
]
