"""Arithmetic with latents of a trained model of clothes: the mean of some latents is a concept."""

from pathlib import Path

import numpy as np
from keras import ops

import kgen
from kgen.metrics.features import fashion_classifier
from kgen.pictures import save_grid

EQUATION = ("Pullover", "T-shirt/top", "Dress")  # sleeves, put on a dress
_DRAWN, _MEANT, _SHOWN = 4096, 32, 5


def arithmetic(run: Path, path: Path) -> Path:
    """Saves A - B + C of a run on Fashion-MNIST: pullover - T-shirt + dress, by the means of latents.

    In the first three rows are five examples of each kind, as `fashion_classifier` judges them, and
    last what the mean of 32 such latents gives; in the fourth the result, with a little noise around
    it but for the last.

    Source: "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
    Networks" (Radford et al., 2015), section 6.3.2.

    Raises ValueError where the model makes too few of a kind.
    """
    model = kgen.runs.load_model(run)
    latents = ops.convert_to_numpy(model.prior.sample(kgen.random.keys(0, _DRAWN)))
    probabilities = fashion_classifier().probabilities(model.decode(latents))
    kinds = [latents[_surest(probabilities, name)] for name in EQUATION]
    a, b, c = means = [kind.mean(axis=0) for kind in kinds]
    noise = np.random.default_rng(0).normal(0.0, 0.25, (_SHOWN, *a.shape))
    rows = [np.stack([*kind[:_SHOWN], m]) for kind, m in zip(kinds, means, strict=True)]
    rows.append(np.concatenate([a - b + c + noise, (a - b + c)[None]]))
    return save_grid(model.decode(np.concatenate(rows).astype("float32")), path, columns=_SHOWN + 1)


def _surest(probabilities: np.ndarray, name: str) -> np.ndarray:
    """The numbers of the samples that are of a kind most surely."""
    kind = kgen.data.load("fashion_mini", "test", size=10).spec.classes.index(name)
    of_kind = np.flatnonzero(probabilities.argmax(axis=1) == kind)
    if len(of_kind) < _MEANT:
        raise ValueError(f"{len(of_kind)} of {_DRAWN} samples are of the kind {name!r}: train longer")
    return of_kind[np.argsort(-probabilities[of_kind, kind])[:_MEANT]]
