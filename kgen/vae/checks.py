"""What a VAE refuses: networks that do not fit, a flow that cannot learn."""

from typing import Any

import keras

from kgen.vae.likelihoods import Likelihood


def check_flow(flow: Any) -> None:
    """Raises where a posterior's flow is no transform, or its inverse has no gradient."""
    if flow is None:
        return
    if not hasattr(flow, "inverse_learns"):
        raise TypeError(
            "expected a transform as posterior_flow, such as kgen.flow.IAF((2,)).transform, got "
            f"{type(flow).__name__}"
        )
    if not flow.inverse_learns:
        name = type([t for t in flow.walk() if not t.inverse_learns][-1]).__name__
        raise ValueError(
            f"expected a posterior_flow whose inverse has a gradient, but that of {name} is found step "
            "by step: take kgen.flow.IAF or couplings, or turn it round with kgen.flow.layers.Inverse"
        )


def check_networks(encoder: keras.Layer, decoder: keras.Layer, likelihood: Likelihood) -> None:
    """Raises where encoder, decoder and likelihood do not fit together."""
    latent_dim = decoder.inputs[0].shape[-1]
    if encoder.output_shape[1:] != (2 * latent_dim,):
        raise ValueError(
            f"the decoder takes {latent_dim} latents, so the encoder must give {2 * latent_dim} "
            f"outputs (means and log-variances), got {encoder.output_shape[1:]}"
        )
    *rest, channels = encoder.inputs[0].shape[1:]
    expected = (*rest, channels * likelihood.outputs)
    if decoder.output_shape[1:] != expected:
        raise ValueError(
            f"{type(likelihood).__name__} needs {likelihood.outputs} decoder output(s) for each value: "
            f"expected decoder outputs of shape {expected}, got {decoder.output_shape[1:]}"
        )
