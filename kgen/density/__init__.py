"""Classical densities: no gradients, no Keras; everybody's baseline.

Importing this package loads NumPy only; scikit-learn is loaded where it is needed.
"""

from kgen.density.base import Bound, Density, dequantise
from kgen.density.histogram import Histogram
from kgen.density.kernel import KernelDensity
from kgen.density.loading import load
from kgen.density.mixture import GaussianMixture

__all__ = [
    "Bound",
    "Density",
    "GaussianMixture",
    "Histogram",
    "KernelDensity",
    "dequantise",
    "load",
]
