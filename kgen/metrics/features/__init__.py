"""Feature networks of image metrics; `resize.py` is the one definition of resizing."""

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
