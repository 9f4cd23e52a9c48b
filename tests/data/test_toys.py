import math

import numpy as np
import pytest
from scipy.special import i0e, logsumexp

from kgen.data import load, toys

# Each toy: the half side of a square that holds it, and the number of cells along that square;
# a cell is at most half of the smallest scale.
GRIDS = {
    "ring8": (2.5, 500),
    "grid25": (5.0, 500),
    "moons": (3.5, 140),
    "swissroll": (5.0, 100),
    "checkerboard": (5.0, 100),
    "pinwheel": (6.0, 240),
    "two_gaussians": (12.0, 100),
    "rings": (3.4, 180),
}
MIXTURES = ["ring8", "grid25", "two_gaussians"]


def cell_masses(name):
    """The probability of each cell of the grid, by the midpoint rule, and the grid's edges."""
    half, cells = GRIDS[name]
    edges = np.linspace(-half, half, cells + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    points = np.stack(np.meshgrid(middles, middles, indexing="ij"), axis=-1).reshape(-1, 2)
    density = np.exp(toys.TOYS[name].log_prob(points))
    return density.reshape(cells, cells) * (edges[1] - edges[0]) ** 2, edges


@pytest.mark.parametrize("name", GRIDS)
def test_density_integrates_to_one(name):
    masses, _ = cell_masses(name)
    assert masses.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", GRIDS)
def test_samples_follow_the_density(name):
    masses, edges = cell_masses(name)
    n, blocks = 50_000, 20
    expected = masses.reshape(blocks, len(masses) // blocks, blocks, -1).sum(axis=(1, 3))
    coarse = edges[:: len(masses) // blocks]
    x = toys.TOYS[name].sample(n, seed=1)
    found = np.histogram2d(x[:, 0], x[:, 1], bins=[coarse, coarse])[0] / n
    assert (abs(found - expected) < 5 * np.sqrt(expected / n) + 2e-4).all()


@pytest.mark.parametrize(
    ("name", "point", "expected"),
    [
        ("ring8", (2.0, 0.0), math.log(1 / 8 / (2 * math.pi * 0.02**2))),
        ("ring8", (2.0, 0.04), math.log(1 / 8 / (2 * math.pi * 0.02**2)) - 2),
        ("grid25", (-4.0, 2.0), math.log(1 / 25 / (2 * math.pi * 0.05**2))),
        ("two_gaussians", (5.0, 5.0), math.log(0.8 / (2 * math.pi))),
        ("two_gaussians", (-5.0, -5.0), math.log(0.2 / (2 * math.pi))),
        ("checkerboard", (-3.0, -3.0), -math.log(32)),
        ("checkerboard", (-3.0, -1.0), -math.inf),
        ("checkerboard", (5.0, 5.0), -math.inf),
    ],
)
def test_log_prob_by_hand(name, point, expected):
    assert toys.TOYS[name].log_prob([point])[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("point", [(0.0, 1.0), (0.5, 0.2), (-3.0, 2.0), (1.0, 0.0)])
def test_moons_against_a_fine_trapezoid(point):
    t = np.linspace(0, np.pi, 400_001)
    upper = (np.cos(t) - point[0]) ** 2 + (np.sin(t) - point[1]) ** 2
    lower = (1 - np.cos(t) - point[0]) ** 2 + (0.5 - np.sin(t) - point[1]) ** 2
    integrand = np.exp(-upper / 0.02) + np.exp(-lower / 0.02)
    integral = (integrand[1:] + integrand[:-1]).sum() / 2 * (t[1] - t[0])
    expected = math.log(integral / (2 * np.pi) / (2 * np.pi * 0.01))
    assert toys.moons.log_prob([point])[0] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("r", [0.0, 0.7, 1.9, 3.2, 4.0])
def test_rings_against_the_bessel_function(r):
    """The mean of exp(-|x - c|^2 / 2 s^2) over a circle is I0e(r R / s^2) exp(-(r - R)^2 / 2 s^2)."""
    radii, variance = np.array([0.75, 1.5, 2.25, 3.0]), 0.08**2
    logs = np.log(i0e(r * radii / variance)) - (r - radii) ** 2 / (2 * variance)
    expected = logsumexp(logs) - math.log(4 * 2 * math.pi * variance)
    point = (r * math.cos(0.3), r * math.sin(0.3))
    assert toys.rings.log_prob([point])[0] == pytest.approx(expected, abs=1e-8)


def test_pinwheel_against_a_change_of_variables():
    # One arm point, pushed through x = 2 R(angle) (u, v); arms far from it add nothing here.
    u, v, k = 1.1, 0.05, 2
    angle = 2 * math.pi * k / 5 + 0.25 * math.exp(math.hypot(u, v))
    x = (
        2 * (u * math.cos(angle) - v * math.sin(angle)),
        2 * (u * math.sin(angle) + v * math.cos(angle)),
    )
    gaussian = math.exp(-0.5 * ((0.1 / 0.3) ** 2 + (0.05 / 0.1) ** 2)) / (2 * math.pi * 0.03)
    assert toys.pinwheel.log_prob([x])[0] == pytest.approx(math.log(gaussian / 5 / 4), abs=1e-6)


@pytest.mark.parametrize("name", GRIDS)
def test_every_sample_has_a_finite_density(name):
    toy = toys.TOYS[name]
    assert np.isfinite(toy.log_prob(toy.sample(20_000, seed=2))).all()


@pytest.mark.parametrize("name", GRIDS)
def test_far_points_do_not_break_the_density(name):
    assert toys.TOYS[name].log_prob([[1e4, -1e4]])[0] < -1e5


@pytest.mark.parametrize("name", MIXTURES)
def test_label_is_the_nearest_mode(name):
    toy = toys.TOYS[name]
    x, y = toy.sample_with_labels(2000, seed=0)
    nearest = np.linalg.norm(x[:, None] - toy.modes, axis=-1).argmin(axis=1)
    assert (nearest == y).all()


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("ring8", (2, 0), (2**0.5, -(2**0.5))), ("grid25", (-4, -4), (4, 4))],
)
def test_modes(name, first, last):
    assert toys.TOYS[name].modes[[0, -1]] == pytest.approx(np.array([first, last]))


def test_weights_of_two_gaussians():
    _, y = toys.two_gaussians.sample_with_labels(20_000, seed=0)
    assert y.mean() == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("name", GRIDS)
def test_load_gives_float32_points_and_int32_labels(name):
    data = load(name, size=100)
    assert (data.x.shape, data.x.dtype) == ((100, 2), np.float32)
    assert data.y is None or data.y.dtype == np.int32
    assert (data.spec.shape, data.spec.size, data.spec.range) == ((2,), 100, None)


def test_classes_are_all_the_parts_however_few_are_drawn():
    assert load("ring8", size=1).spec.classes == tuple("01234567")


def test_no_labels_no_classes():
    assert (load("swissroll", size=5).y, load("swissroll", size=5).spec.classes) == (None, None)


def test_same_seed_same_points():
    assert (load("pinwheel", seed=3, size=50).x == load("pinwheel", seed=3, size=50).x).all()


@pytest.mark.parametrize("other", [{"seed": 4}, {"seed": 3, "split": "test"}])
def test_other_seed_or_split_other_points(other):
    a = load("moons", seed=3, size=50).x
    assert not np.isin(a, load("moons", size=50, **other).x).any()


def test_no_seed_fresh_points():
    assert (toys.moons.sample(5) != toys.moons.sample(5)).any()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(2), r"shape \(n, 2\), got \(2,\)"),
        (np.zeros((4, 3)), r"shape \(n, 2\), got \(4, 3\)"),
        ([[0.0, 0.0], [0.0, math.nan]], r"NaN or infinity at index \(1, 1\)"),
    ],
)
def test_log_prob_refuses(x, message):
    with pytest.raises(ValueError, match=message):
        toys.ring8.log_prob(x)


def test_sample_refuses_n_below_one():
    with pytest.raises(ValueError, match="n must be an integer of at least 1, got 0"):
        toys.ring8.sample(0)
