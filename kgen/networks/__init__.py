"""Networks: functions that give built, functional `keras.Model`s, weights without a loss."""

from kgen.networks.conv_vae import conv_decoder, conv_encoder
from kgen.networks.dcgan import dcgan_discriminator, dcgan_generator
from kgen.networks.dit import dit
from kgen.networks.flops import flops, parameters
from kgen.networks.mlp import mlp
from kgen.networks.residual_mlp import residual_mlp
from kgen.networks.time_features import FourierFeatures, SinusoidalFeatures
from kgen.networks.unet import unet

__all__ = [
    "FourierFeatures",
    "SinusoidalFeatures",
    "conv_decoder",
    "conv_encoder",
    "dcgan_discriminator",
    "dcgan_generator",
    "dit",
    "flops",
    "mlp",
    "parameters",
    "residual_mlp",
    "unet",
]
