"""Networks: functions that give built, functional `keras.Model`s, weights without a loss."""

from kgen.networks.conv_vae import conv_decoder, conv_encoder
from kgen.networks.dcgan import dcgan_discriminator, dcgan_generator
from kgen.networks.dit import dit
from kgen.networks.flops import flops, parameters
from kgen.networks.labels import with_auxiliary, with_labels, with_projection
from kgen.networks.lstm import lstm
from kgen.networks.made import made
from kgen.networks.mlp import mlp
from kgen.networks.names import find
from kgen.networks.pacgan import pacgan_discriminator, pacgan_generator
from kgen.networks.parameter_nets import conditioner, conv_conditioner
from kgen.networks.pixelcnn import gated_pixelcnn, pixelcnn
from kgen.networks.residual_mlp import residual_mlp
from kgen.networks.time_features import FourierFeatures, SinusoidalFeatures
from kgen.networks.transformer import transformer
from kgen.networks.unet import unet

__all__ = [
    "FourierFeatures",
    "SinusoidalFeatures",
    "conditioner",
    "conv_conditioner",
    "conv_decoder",
    "conv_encoder",
    "dcgan_discriminator",
    "dcgan_generator",
    "dit",
    "find",
    "flops",
    "gated_pixelcnn",
    "lstm",
    "made",
    "mlp",
    "pacgan_discriminator",
    "pacgan_generator",
    "parameters",
    "pixelcnn",
    "residual_mlp",
    "transformer",
    "unet",
    "with_auxiliary",
    "with_labels",
    "with_projection",
]
