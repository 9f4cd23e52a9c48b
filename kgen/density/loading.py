"""Reads densities from disk: an `.npz` with the options as JSON beside the arrays, no pickles."""

import json
import os
import zipfile

import numpy as np

from kgen.density.base import Density
from kgen.density.histogram import Histogram
from kgen.density.kernel import KernelDensity
from kgen.density.mixture import GaussianMixture

_KINDS = {kind.__name__: kind for kind in (Histogram, GaussianMixture, KernelDensity)}


def load(path: str | os.PathLike[str]) -> Density:
    """Reads a density that `Density.save` wrote.

    Raises FileNotFoundError where there is no such file, ValueError where it is no density.

    >>> import tempfile
    >>> points = np.random.default_rng(0).normal(size=(100, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     density = load(Histogram(bins=4).fit(points).save(folder + "/points.npz"))
    >>> density
    Histogram(bins=4, range=None, independent=False, smoothing=1.0)
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        config = json.loads(str(arrays.pop("config")))
        options = {k: tuple(v) if isinstance(v, list) else v for k, v in config["options"].items()}
        density = _KINDS[config["kind"]](**options)
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is no density that kgen saved ({error}): fit and save it again"
        ) from error
    density.data_shape = tuple(config["data_shape"])
    density.fitted = arrays
    return density
