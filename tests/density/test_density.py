"""Classical densities: against closed forms and SciPy; samples, saving, and the tables they enter."""

import warnings

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from kgen.data import load, toys
from kgen.density import GaussianMixture, Histogram, KernelDensity, dequantise
from kgen.density import load as load_density
from kgen.metrics import Evaluator, suites

MOONS = toys.moons.sample(500, seed=0)
KINDS = [
    Histogram(bins=10),
    Histogram(bins=10, independent=True, smoothing=0.5),
    GaussianMixture(components=3),
    GaussianMixture(components=3, covariance="diag"),
    KernelDensity(bandwidth=0.2),
]
EACH = pytest.mark.parametrize("density", KINDS, ids=repr)


@EACH
def test_the_density_integrates_to_one(density):
    """On a square grid, by the midpoint rule."""
    density.fit(MOONS)
    axis = np.arange(-4, 4, 0.03) + 0.015
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    assert np.exp(density.log_prob(points)).sum() * 0.03**2 == pytest.approx(1.0, abs=0.01)


@EACH
def test_samples_have_the_shape_of_the_examples_and_follow_the_density(density):
    density.fit(MOONS)
    drawn = density.sample(20_000, seed=0)
    assert (drawn.shape, drawn.dtype) == ((20_000, 2), np.float32)
    assert np.isfinite(density.log_prob(drawn)).all()
    other = density.sample(20_000, seed=1)
    low, high = MOONS.min(axis=0), MOONS.max(axis=0)
    middle = (low + high) / 2
    shares = [(x > middle).mean(axis=0) for x in (drawn, other)]
    np.testing.assert_allclose(shares[0], shares[1], atol=0.03)
    np.testing.assert_allclose(drawn.mean(axis=0), MOONS.mean(axis=0), atol=0.08)


@EACH
def test_the_same_seed_gives_the_same_samples_and_none_fresh_ones(density):
    density.fit(MOONS)
    np.testing.assert_array_equal(density.sample(9, seed=3), density.sample(9, seed=3))
    assert (density.sample(9, seed=3) != density.sample(9, seed=4)).any()
    assert (density.sample(9) != density.sample(9)).any()


@EACH
def test_it_comes_back_from_disk_as_it_was(density, tmp_path):
    density.fit(MOONS)
    again = load_density(density.save(tmp_path / "moons.npz"))
    assert repr(again) == repr(density)
    assert again.data_shape == (2,)
    np.testing.assert_array_equal(again.log_prob(MOONS), density.log_prob(MOONS))
    np.testing.assert_array_equal(again.sample(9, seed=0), density.sample(9, seed=0))


@EACH
def test_fitting_again_forgets(density):
    elsewhere = density.fit(MOONS + 50.0).fit(MOONS)
    alone = type(density)(**{k: getattr(density, k) for k in density.__dataclass_fields__}).fit(MOONS)
    np.testing.assert_array_equal(elsewhere.log_prob(MOONS), alone.log_prob(MOONS))


def test_a_histogram_is_that_of_numpy():
    ours = Histogram(bins=7, smoothing=0.0).fit(MOONS)
    heights, x, y = np.histogram2d(*MOONS.T.astype("float64"), bins=7, density=True)
    centres = np.stack(np.meshgrid(*((e[1:] + e[:-1]) / 2 for e in (x, y)), indexing="ij"), axis=-1)
    np.testing.assert_allclose(
        np.exp(ours.log_prob(centres.reshape(-1, 2))).reshape(7, 7), heights, rtol=1e-6
    )


def test_an_independent_histogram_is_the_product_of_its_axes():
    product = sum(Histogram(bins=7).fit(MOONS[:, [i]]).log_prob(MOONS[:, [i]]) for i in range(2))
    ours = Histogram(bins=7, independent=True).fit(MOONS)
    np.testing.assert_allclose(ours.log_prob(MOONS), product)


def test_smoothing_adds_examples_to_each_cell_and_outside_there_is_nothing():
    histogram = Histogram(bins=2, range=(0.0, 1.0), smoothing=1.0).fit(np.full((2, 1), 0.2))
    density = np.exp(histogram.log_prob(np.array([[0.2], [0.8], [1.2]])))
    np.testing.assert_allclose(density, [2 * 3 / 4, 2 * 1 / 4, 0.0])


def test_one_gaussian_has_the_mean_and_the_covariance_of_the_examples():
    fitted = GaussianMixture(components=1, regularisation=0.0).fit(MOONS).fitted
    np.testing.assert_allclose(fitted["means"][0], MOONS.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(fitted["covariances"][0], np.cov(MOONS.T, ddof=0), atol=1e-6)


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_a_mixture_sums_weighted_normals(covariance):
    mixture = GaussianMixture(components=3, covariance=covariance).fit(MOONS)
    fitted = mixture.fitted
    kinds = {
        "full": list(fitted["covariances"]),
        "tied": [fitted["covariances"]] * 3,
        "diag": list(map(np.diag, fitted["covariances"])) if covariance == "diag" else None,
        "spherical": [c * np.eye(2) for c in np.ravel(fitted["covariances"])],
    }
    logs = [
        np.log(w) + multivariate_normal(m, c).logpdf(MOONS)
        for w, m, c in zip(fitted["weights"], fitted["means"], kinds[covariance], strict=True)
    ]
    np.testing.assert_allclose(mixture.log_prob(MOONS), logsumexp(logs, axis=0), rtol=1e-9)


def test_a_mixture_finds_the_known_one():
    ring = toys.ring8
    mixture = GaussianMixture(components=8).fit(ring.sample(4000, seed=0))
    held_out = ring.sample(4000, seed=1)
    assert mixture.log_prob(held_out).mean() == pytest.approx(ring.log_prob(held_out).mean(), abs=0.02)


def test_samples_of_a_mixture_are_in_no_order():
    mixture = GaussianMixture(components=2).fit(toys.two_gaussians.sample(500, seed=0))
    first, second = np.array_split(mixture.sample(1000, seed=0), 2)
    np.testing.assert_allclose(first.mean(axis=0), second.mean(axis=0), atol=0.5)


def test_a_kernel_density_is_the_mean_of_its_normals():
    x = MOONS.astype("float64")
    kernels = -0.5 * ((x[:9, None] - x) ** 2).sum(axis=-1) / 0.3**2 - np.log(2 * np.pi * 0.3**2)
    ours = KernelDensity(bandwidth=0.3).fit(MOONS).log_prob(MOONS[:9])
    np.testing.assert_allclose(ours, logsumexp(kernels, axis=1) - np.log(len(x)), rtol=1e-9)


def test_a_cross_validated_bandwidth_is_near_the_best_for_a_normal():
    """1.06 s n^(-1/5): Silverman, "Density Estimation", equation 3.28; likelihood likes the same."""
    x = np.random.default_rng(0).normal(size=(2000, 1))
    best = 1.06 * 2000**-0.2
    assert best / 2 < KernelDensity().fit(x).fitted["bandwidth"] < best * 2


def test_a_cross_validated_bandwidth_predicts_better_than_others():
    x, held_out = (toys.pinwheel.sample(2000, seed=s) for s in (0, 1))
    chosen = KernelDensity().fit(x)
    h = float(chosen.fitted["bandwidth"])
    others = [KernelDensity(h * f).fit(x).log_prob(held_out).mean() for f in (0.5, 2.0)]
    assert chosen.log_prob(held_out).mean() > max(others)


def noise(n, seed):
    """Images of even noise: 8 bits a pixel, and nothing is better."""
    levels = np.random.default_rng(seed).integers(0, 256, (n, 4, 4, 1))
    return (levels / 127.5 - 1).astype("float32")


def test_bits_per_dim_of_even_noise_are_eight():
    border = 1 + 1 / 255
    density = Histogram(bins=1, range=(-border, border), independent=True)
    density.fit(dequantise(noise(200, 0), seed=0))
    np.testing.assert_allclose(density.bits_per_dim(noise(50, 1)), 8.0, atol=1e-6)


def test_bits_per_dim_of_one_gaussian_are_those_of_its_density():
    """One pixel, of one of two levels; the density of a normal, averaged over a level."""
    images = np.repeat([-1.0, 1.0], 20_000).astype("float32")[:, None, None, None]
    density = GaussianMixture(components=1).fit(dequantise(images, levels=2, seed=0))
    grid = np.linspace(-2, 2, 4001)[:-1] + 5e-4
    expected = -density.log_prob(grid[:, None, None, None].astype("float32")).mean() - np.log(2.0)
    measured = density.bound(images, levels=2).total.mean()
    assert measured == pytest.approx(expected, abs=0.01)


def test_dequantised_values_fill_their_levels_evenly():
    spread = dequantise(np.full((1000, 4, 4, 1), -1 / 255, "float32"), seed=0)
    counts, _ = np.histogram(spread, bins=8, range=(-2 / 255, 0.0))
    assert counts.sum() == spread.size
    assert counts.min() > 0.9 * counts.mean()


def test_images_are_drawn_within_their_range():
    drawn = GaussianMixture(components=1).fit(noise(50, 0)).sample(64, seed=0)
    assert drawn.shape == (64, 4, 4, 1)
    assert (drawn.min(), drawn.max()) == (-1.0, 1.0)


@pytest.mark.parametrize(
    "density",
    [GaussianMixture(components=8), KernelDensity(), Histogram(smoothing=0.01, range=(-9.0, 9.0))],
)
def test_points_enter_the_table_with_an_exact_likelihood(density):
    ring, held_out = load("ring8", size=1000), load("ring8", "test", size=200)
    evaluate = Evaluator(ring, held_out, metrics=[suites.modes(toys.ring8)], samples=800, bounds=False)
    cards = {card.metric: card for card in evaluate(density.fit(ring.x))}
    assert cards["modes_covered"].value == 8
    likelihood = cards["log_likelihood"]
    assert (likelihood.estimate, likelihood.unit, likelihood.seed) == ("exact", "nats", None)
    assert likelihood.value == pytest.approx(density.log_prob(held_out.x).mean())


def test_images_enter_the_table_with_a_bound_in_bits_per_dim():
    train, test = load("fashion_mini", size=200), load("fashion_mini", "test", size=120)
    density = GaussianMixture(components=2, covariance="diag").fit(dequantise(train.x, seed=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few samples, on purpose
        cards = Evaluator(
            train, test, suites.pixels(), metrics=[suites.memory], samples=150, bounds=False
        )(density)
    bits = next(card for card in cards if card.unit == "bits/dim")
    assert (bits.estimate, bits.notes) == ("bound", ("read as a probability of discrete values",))
    assert bits.value == pytest.approx(density.bits_per_dim(test.x).mean())


def test_a_mixture_that_needs_more_iterations_says_so():
    with pytest.warns(UserWarning, match="did not converge in 1 iterations: give more"):
        GaussianMixture(components=8, iterations=1, tolerance=1e-9).fit(MOONS)
