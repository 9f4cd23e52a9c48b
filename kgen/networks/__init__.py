"""Networks: functions that give built, functional `keras.Model`s, weights without a loss."""

from kgen.networks.conv_vae import conv_decoder, conv_encoder
from kgen.networks.dcgan import dcgan_discriminator, dcgan_generator
from kgen.networks.mlp import mlp

__all__ = ["conv_decoder", "conv_encoder", "dcgan_discriminator", "dcgan_generator", "mlp"]
