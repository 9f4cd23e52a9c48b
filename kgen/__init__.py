"""kgen: generative models in Keras 3, one train step on TensorFlow, JAX and PyTorch.

Importing kgen is light: Keras, and with it a backend, is loaded by the first name that needs it.
Set `KERAS_BACKEND` before that.
"""

import importlib
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kgen import autoregressive as autoregressive
    from kgen import backend as backend
    from kgen import core as core
    from kgen import data as data
    from kgen import density as density
    from kgen import distributions as distributions
    from kgen import evaluation as evaluation
    from kgen import flow as flow
    from kgen import gan as gan
    from kgen import layers as layers
    from kgen import metrics as metrics
    from kgen import networks as networks
    from kgen import numerics as numerics
    from kgen import pictures as pictures
    from kgen import random as random
    from kgen import runs as runs
    from kgen import vae as vae
    from kgen.autoregressive import Autoregressive as Autoregressive
    from kgen.core import EMA as EMA
    from kgen.core import GenerativeModel as GenerativeModel
    from kgen.core import OptimizerGroup as OptimizerGroup
    from kgen.core import fit_together as fit_together
    from kgen.diffusion import Diffusion as Diffusion
    from kgen.flow import Flow as Flow
    from kgen.gan import GAN as GAN
    from kgen.vae import VAE as VAE

__version__ = "0.1.0"

_HOME = {
    "Autoregressive": "kgen.autoregressive",
    "Diffusion": "kgen.diffusion",
    "EMA": "kgen.core",
    "Flow": "kgen.flow",
    "GAN": "kgen.gan",
    "GenerativeModel": "kgen.core",
    "OptimizerGroup": "kgen.core",
    "VAE": "kgen.vae",
    "fit_together": "kgen.core",
}
_ROOMS = (
    *("autoregressive", "backend", "callbacks", "core", "data", "density", "diffusion"),
    *("distributions", "evaluation", "export", "flow", "gan", "layers", "metrics", "networks"),
    *("numerics", "pictures", "random", "report", "runs", "vae"),
)
_SERIALIZABLE = (
    *("autoregressive", "core", "diffusion", "distributions", "flow", "gan", "layers", "networks"),
    "vae",
)

__all__ = sorted([*_HOME, *_ROOMS])


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"kgen.{name}")
    raise AttributeError(f"module 'kgen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def _register() -> None:
    """Imports every module whose classes a `.keras` file can name."""
    for room in _SERIALIZABLE:
        importlib.import_module(f"kgen.{room}")


class _Registrar:
    """Registers kgen's classes as soon as Keras, or a room of kgen that needs it, has been imported.

    `keras.saving.load_model` finds only registered classes, and `import kgen` must not import Keras
    (`kgen --help` would take seconds, and the backend could no longer be chosen).
    """

    def __init__(self) -> None:
        self.busy = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Finds a module as Python does, and has it followed by the registration."""
        if self.busy or not (name == "keras" or name.startswith("kgen.")):
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module
        spec.loader.exec_module = lambda module: self.run(execute, module)
        return spec

    def run(self, execute: Callable[[ModuleType], None], module: ModuleType) -> None:
        """Executes the outermost module; what it imports meanwhile is left alone."""
        self.busy = True
        try:
            execute(module)
        finally:
            self.busy = False
        if "keras" in sys.modules and self in sys.meta_path:
            sys.meta_path.remove(self)
            _register()


if "keras" in sys.modules:
    _register()
else:
    sys.meta_path.insert(0, _Registrar())
