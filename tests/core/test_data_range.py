"""The range of the data is the model's: latents of three axes are no images."""

import keras
import numpy as np
import pytest

import kgen

LATENTS = np.random.default_rng(0).normal(0.0, 3.0, (8, 4, 4, 2)).astype("float32")


def diffusion(**options):
    small = {"width": 4, "multipliers": (1,), "blocks": 1, "attention": ()}
    return kgen.Diffusion(kgen.networks.unet((4, 4, 2), **small), **options)


def test_images_are_in_one_range_and_vectors_in_none():
    assert diffusion().data_range == (-1.0, 1.0)
    assert kgen.Diffusion(kgen.networks.residual_mlp(2)).data_range is None
    network = kgen.networks.transformer((2, 2, 1), 3, vocabulary=3, width=6, depth=1, heads=1)
    tokens = kgen.Autoregressive(network, kgen.autoregressive.Tokens(3))
    assert tokens.data_range is None


def test_latents_are_no_images(tmp_path):
    model = diffusion(data_range=None)
    model.compile("adam")
    model.fit(LATENTS, verbose=0)
    model.save(tmp_path / "latents.keras")
    loaded = keras.saving.load_model(tmp_path / "latents.keras")
    assert loaded.data_range is None
    loaded.fit(LATENTS, verbose=0)
    mask = np.zeros((4, 4, 1), bool)
    assert loaded.inpaint(LATENTS, mask, steps=2, resample=1, seed=0).shape == LATENTS.shape


def test_another_range_is_kept_in_a_file_and_checked(tmp_path):
    model = diffusion(data_range=(0.0, 1.0))
    model.compile("adam")
    model.save(tmp_path / "unit.keras")
    loaded = keras.saving.load_model(tmp_path / "unit.keras")
    with pytest.raises(ValueError, match=r"images in \[0, 1\] .*: rescale it to \[0, 1\], or give"):
        loaded.fit(LATENTS, verbose=0)
    loaded.fit(np.abs(np.tanh(LATENTS)), verbose=0)


def test_a_model_without_endpoints_has_no_generate():
    class Plain(kgen.GenerativeModel):
        """Learns nothing."""

    assert Plain().endpoints == {}
    assert not Plain().takes_labels
