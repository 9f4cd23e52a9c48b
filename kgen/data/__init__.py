"""Named data sets as NumPy arrays (or lazy ones), each with a spec of what it holds.

    data = kgen.data.load("fashion_mini")
    model.fit(data.batches(128), epochs=5, shuffle=False)

Importing this package loads NumPy and the standard library only; `Batches`, a
`keras.utils.PyDataset`, imports Keras when it is first used.
"""

from typing import Any

from kgen.data import toys
from kgen.data.lazy import LazyArray
from kgen.data.loading import load, names
from kgen.data.spec import Dataset, DataSpec

__all__ = ["Batches", "DataSpec", "Dataset", "LazyArray", "load", "names", "toys"]


def __getattr__(name: str) -> Any:
    """Imports `Batches`, and Keras with it, on first use."""
    if name != "Batches":
        raise AttributeError(f"module 'kgen.data' has no attribute {name!r}")
    from kgen.data.batches import Batches

    return Batches
