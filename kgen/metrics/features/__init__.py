"""Feature networks of image metrics; `resize.py` is the one definition of resizing.

`fashion_classifier()` and `mnist_classifier()` come with kgen, `inception()` is Keras' own, and
`custom_features` makes one of any function; Keras is loaded by the first call, not by the import.
`kgen.metrics.suites.FEATURES` has them by the names that `kgen evaluate --features` takes.
`image_classifier` is the untrained model of both classifiers, for `recipes/classifier.py`.
"""

from kgen.metrics.features.classifiers import fashion_classifier, image_classifier, mnist_classifier
from kgen.metrics.features.inception import inception
from kgen.metrics.features.network import FeatureNetwork, custom_features

__all__ = [
    "FeatureNetwork",
    "custom_features",
    "fashion_classifier",
    "image_classifier",
    "inception",
    "mnist_classifier",
]
