"""Variational autoencoders: likelihoods of the decoder, and the model that maximises the bound."""

from kgen.vae.likelihoods import Bernoulli, DiscretizedLogistic, Gaussian
from kgen.vae.model import VAE

__all__ = ["VAE", "Bernoulli", "DiscretizedLogistic", "Gaussian"]
