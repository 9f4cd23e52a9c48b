"""Metrics of generative models: NumPy in, cards out, each a number with its uncertainty.

Importing this package loads NumPy and kgen's own files only; a feature network imports Keras.
"""

from kgen.metrics import features, suites
from kgen.metrics.card import Card, format_value
from kgen.metrics.classification import class_accuracy, classification_accuracy_score
from kgen.metrics.codes import active_units, codebook_perplexity, dead_codes
from kgen.metrics.coverage import PrecisionRecall, precision_recall
from kgen.metrics.evaluator import Evaluator
from kgen.metrics.frechet import frechet_distance, intra_class_frechet_distance
from kgen.metrics.gaussian import Gaussian, GaussianStatistics, gaussian_frechet
from kgen.metrics.histograms import Grid, histogram_js, histogram_kl, histogram_total_variation
from kgen.metrics.inception_score import inception_score
from kgen.metrics.kernel import kernel_distance, mmd
from kgen.metrics.likelihood import bits_per_dim, likelihood_card, model_likelihood
from kgen.metrics.mixtures import high_quality_share, mode_reverse_kl, modes_covered
from kgen.metrics.neighbours import copied_share, memorisation, nearest_distance
from kgen.metrics.stacked import stacked_digits, stacked_modes
from kgen.metrics.two_sample import two_sample_accuracy
from kgen.metrics.wasserstein import sliced_wasserstein, wasserstein

__all__ = [
    "Card",
    "Evaluator",
    "Gaussian",
    "GaussianStatistics",
    "Grid",
    "PrecisionRecall",
    "active_units",
    "bits_per_dim",
    "class_accuracy",
    "classification_accuracy_score",
    "codebook_perplexity",
    "copied_share",
    "dead_codes",
    "features",
    "format_value",
    "frechet_distance",
    "gaussian_frechet",
    "high_quality_share",
    "histogram_js",
    "histogram_kl",
    "histogram_total_variation",
    "inception_score",
    "intra_class_frechet_distance",
    "kernel_distance",
    "likelihood_card",
    "memorisation",
    "mmd",
    "mode_reverse_kl",
    "model_likelihood",
    "modes_covered",
    "nearest_distance",
    "precision_recall",
    "sliced_wasserstein",
    "stacked_digits",
    "stacked_modes",
    "suites",
    "two_sample_accuracy",
    "wasserstein",
]
