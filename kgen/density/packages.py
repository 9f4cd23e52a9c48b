"""scikit-learn, loaded where it is needed."""

import importlib
from types import ModuleType


def scikit_learn(module: str) -> ModuleType:
    """Imports a module of scikit-learn, as "mixture".

    Raises ImportError, naming the extra that installs it, where it is missing.

    >>> scikit_learn("mixture").__name__
    'sklearn.mixture'
    """
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise ImportError(
            'this density needs scikit-learn: pip install "kgen[eval]"', name="sklearn"
        ) from error
