"""Adversarial models: losses of discriminator outputs, and the model that plays the game."""

from kgen.gan.losses import Minimax, NonSaturating
from kgen.gan.model import GAN

__all__ = ["GAN", "Minimax", "NonSaturating"]
