"""Metrics against independent packages: torchmetrics, prdc, scikit-learn and SciPy, to 1e-4."""

import numpy as np
import pytest

from kgen.metrics.coverage import precision_recall
from kgen.metrics.frechet import frechet_distance
from kgen.metrics.inception_score import inception_score
from kgen.metrics.kernel import kernel_distance, mmd

RNG = np.random.default_rng(0)
D = 24
MIX = RNG.normal(size=(D, D)) / D**0.5


def features(n, shift=0.0):
    return np.maximum(RNG.normal(size=(n, D)) @ MIX + shift, 0.0)


SAMPLES, REFERENCE = features(2300, 0.3), features(2000)


@pytest.fixture(scope="module")
def torch_metrics():
    """torchmetrics with features that are the examples themselves."""
    import torch

    class Same(torch.nn.Flatten):
        num_features = D

    def measure(metric, samples, **options):
        metric = metric(feature=Same(), **options).set_dtype(torch.float64)
        metric.update(torch.tensor(REFERENCE)[..., None, None], real=True)
        metric.update(torch.tensor(samples)[..., None, None], real=False)
        return metric.compute()

    return measure


@pytest.mark.slow
def test_frechet_distance_agrees_with_torchmetrics(torch_metrics):
    from torchmetrics.image.fid import FrechetInceptionDistance

    expected = float(torch_metrics(FrechetInceptionDistance, SAMPLES, input_img_size=(D, 1, 1)))
    assert frechet_distance(SAMPLES, REFERENCE).value == pytest.approx(expected, rel=1e-4)


def test_kernel_distance_agrees_with_torchmetrics(torch_metrics):
    from torchmetrics.image.kid import KernelInceptionDistance

    # One subset as large as both sets: of a larger one torchmetrics would draw at random.
    x, y = SAMPLES[:2000], REFERENCE
    expected = torch_metrics(KernelInceptionDistance, x, subsets=1, subset_size=2000)
    assert kernel_distance(x, y).value == pytest.approx(float(expected[0]), rel=1e-4)


def test_inception_score_agrees_with_torchmetrics():
    import torch
    from torchmetrics.image.inception import InceptionScore

    logits = 3 * RNG.normal(size=(2000, 10))
    metric = InceptionScore(feature=torch.nn.Flatten(), splits=1)
    metric.update(torch.tensor(logits)[..., None, None])
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert inception_score(p).value == pytest.approx(float(metric.compute()[0]), rel=1e-4)


def test_frechet_distance_agrees_with_the_matrix_root_of_scipy():
    from scipy.linalg import sqrtm

    a, b = np.cov(SAMPLES.T), np.cov(REFERENCE.T)
    shift = ((SAMPLES.mean(axis=0) - REFERENCE.mean(axis=0)) ** 2).sum()
    expected = shift + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet_distance(SAMPLES, REFERENCE).value == pytest.approx(expected, rel=1e-9)


def unbiased(kernel):
    """The squared MMD from whole matrices of a kernel."""
    xx, yy, xy = kernel(SAMPLES), kernel(REFERENCE), kernel(SAMPLES, REFERENCE)
    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (xx, yy)]
    return sum(within) - 2 * xy.mean()


def test_kernel_distance_agrees_with_the_kernel_of_scikit_learn():
    from sklearn.metrics.pairwise import polynomial_kernel

    expected = unbiased(polynomial_kernel)  # degree 3, gamma 1 / d, coef0 1 are its defaults
    assert kernel_distance(SAMPLES, REFERENCE).value == pytest.approx(expected, rel=1e-9)


def test_mmd_agrees_with_the_kernel_of_scikit_learn():
    from sklearn.metrics.pairwise import rbf_kernel

    expected = unbiased(lambda *x: rbf_kernel(*x, gamma=1 / (2 * 0.8**2)))
    assert mmd(SAMPLES, REFERENCE, bandwidth=0.8).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("k", [3, 5])
def test_precision_recall_density_coverage_agree_with_prdc(k):
    from prdc import compute_prdc

    expected = compute_prdc(REFERENCE, SAMPLES, k)
    for name, card in precision_recall(SAMPLES, REFERENCE, k)._asdict().items():
        assert card.value == pytest.approx(expected[name], rel=1e-4)
