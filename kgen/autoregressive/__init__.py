"""Autoregressive models: likelihoods of one position, and the model that multiplies them."""

from kgen.autoregressive.choice import Choice
from kgen.autoregressive.likelihoods import (
    Bernoulli,
    Categorical,
    Likelihood,
    LogisticMixture,
    Tokens,
    quantize,
)
from kgen.autoregressive.model import Autoregressive

__all__ = [
    "Autoregressive",
    "Bernoulli",
    "Categorical",
    "Choice",
    "Likelihood",
    "LogisticMixture",
    "Tokens",
    "quantize",
]
