"""Pictures, checked pixel by pixel where they can be."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from PIL import Image

import kgen
from kgen import pictures
from kgen.data import LazyArray
from kgen.pictures.latents import _spherical


def model(prior=None):
    """A GAN whose images of 2 by 2 pixels are their latents."""
    generator = keras.Sequential([keras.Input((4,)), layers.Reshape((2, 2, 1))])
    discriminator = keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten(), layers.Dense(1)])
    return kgen.GAN(generator, discriminator, prior=prior)


class Uniform:
    """A prior on [-1, 1]^4 that is not normal."""

    def sample(self, keys):
        return 2.0 * kgen.random.uniform(keys, (4,)) - 1.0


def tiles(path, columns, size=2):
    """Cuts a grey grid into its images, (rows, columns, size, size), and gives them in [-1, 1]."""
    picture = np.asarray(Image.open(path), "float64") / 127.5 - 1.0
    step = size + 2
    rows = (len(picture) + 2) // step
    return np.stack([
        [picture[step * r : step * r + size, step * c : step * c + size] for c in range(columns)]
        for r in range(rows)
    ])  # fmt: skip


def prior_draws(n, prior=None):
    keys = kgen.random.keys(0, n)
    return ops.convert_to_numpy(model(prior).prior.sample(keys)).reshape(n, 2, 2)


def images(n, channels=1, low=-1.0, high=1.0):
    return np.linspace(low, high, n * 4 * channels).reshape(n, 2, 2, channels).astype("float32")


@pytest.mark.parametrize(
    ("n", "columns", "size"),
    [
        (9, None, (10, 10)),
        (8, None, (10, 10)),
        (2, None, (6, 2)),
        (1, None, (2, 2)),
        (6, 2, (6, 10)),
        (2, 5, (6, 2)),
    ],
)
def test_a_grid_is_about_square_or_has_the_columns(tmp_path, n, columns, size):
    path = pictures.save_grid(images(n), tmp_path / "grid.png", columns)
    assert Image.open(path).size == size


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_a_grid_keeps_the_channels(tmp_path, channels, mode):
    path = pictures.save_grid(images(4, channels), tmp_path / "grid.png")
    assert Image.open(path).mode == mode


def test_a_grid_shows_the_images_in_rows(tmp_path):
    path = pictures.save_grid(images(6), tmp_path / "grid.png", columns=3)
    np.testing.assert_allclose(tiles(path, 3).ravel(), images(6).ravel(), atol=1 / 255)


@pytest.mark.parametrize(("value", "pixel"), [(-3.0, 0), (-1.0, 0), (0.0, 128), (1.0, 255), (2.0, 255)])
def test_values_become_pixels_and_are_clipped(tmp_path, value, pixel):
    path = pictures.save_grid(np.full((1, 2, 2, 1), value), tmp_path / "grid.png")
    assert np.asarray(Image.open(path)).tolist() == [[pixel, pixel], [pixel, pixel]]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 4, 4)), r"expected images of shape \(n, height, width, channels\).*\(2, 4, 4\)"),
        (np.zeros((2, 4, 4, 2)), "with 1, 3 or 4 channels"),
        (np.zeros((0, 4, 4, 1)), "expected images"),
        (np.zeros((2, 4, 4, 1), "uint8"), r"expected float images in \[-1, 1\], got uint8"),
        (np.full((2, 4, 4, 1), np.nan), "expected finite images"),
    ],
)
def test_what_is_no_image_is_an_error(tmp_path, bad, message):
    with pytest.raises(ValueError, match=message):
        pictures.save_grid(bad, tmp_path / "grid.png")


def test_a_scatter_shows_the_points(tmp_path):
    points = np.array([[0.0, 0.0], [1.0, 1.0]])
    few = np.asarray(Image.open(pictures.save_scatter(points, tmp_path / "few.png")))
    many = kgen.data.toys.ring8.sample(500, seed=0)
    both = np.asarray(Image.open(pictures.save_scatter(points, tmp_path / "both.png", many)))
    assert few.shape == both.shape == (400, 400, 4)
    assert (few != both).any()


def test_the_reference_decides_what_is_shown(tmp_path):
    reference = kgen.data.toys.ring8.sample(500, seed=0)
    far = np.array([[100.0, 100.0]])
    path = pictures.save_scatter(far, tmp_path / "far.png", reference)
    beside = pictures.save_scatter(-far, tmp_path / "beside.png", reference)
    assert path.read_bytes() == beside.read_bytes()


@pytest.mark.parametrize("shape", [(3, 3), (0, 2), (4,)])
def test_what_are_no_points_is_an_error(tmp_path, shape):
    with pytest.raises(ValueError, match=r"expected points of shape \(n, 2\)"):
        pictures.save_scatter(np.zeros(shape), tmp_path / "points.png")


@pytest.mark.parametrize(("samples", "size"), [(images(4), (6, 6)), (np.zeros((4, 2)), (400, 400))])
def test_samples_are_saved_as_what_they_are(tmp_path, samples, size):
    assert Image.open(pictures.save_samples(samples, tmp_path / "x.png")).size == size


def test_pictures_change_no_global_state(tmp_path, process_state):
    before = process_state()
    pictures.save_scatter(np.zeros((3, 2)), tmp_path / "points.png")
    assert process_state() == before


@pytest.fixture
def process_state():
    import matplotlib

    return lambda: dict(matplotlib.rcParams)


@pytest.mark.parametrize("prior", [None, Uniform()])
def test_a_walk_starts_and_ends_at_draws_of_the_prior(tmp_path, prior):
    path = pictures.save_interpolation(model(prior), tmp_path / "walk.png", steps=5, rows=3)
    shown = tiles(path, 5)
    ends = np.clip(prior_draws(6, prior), -1, 1)
    np.testing.assert_allclose(shown[:, 0], ends[:3], atol=1 / 255)
    np.testing.assert_allclose(shown[:, -1], ends[3:], atol=1 / 255)


def test_a_walk_under_another_prior_is_straight(tmp_path):
    path = pictures.save_interpolation(model(Uniform()), tmp_path / "walk.png", steps=3, rows=2)
    ends = prior_draws(4, Uniform())
    np.testing.assert_allclose(tiles(path, 3)[:, 1], (ends[:2] + ends[2:]) / 2, atol=1 / 255)


@pytest.mark.parametrize(
    ("a", "b", "t", "expected"),
    [
        ([1.0, 0.0], [0.0, 1.0], 0.5, [0.5**0.5, 0.5**0.5]),
        ([1.0, 0.0], [0.0, 2.0], 1 / 3, [np.cos(np.pi / 6), 2 * np.sin(np.pi / 6)]),
        ([1.0, 0.0], [3.0, 0.0], 0.5, [2.0, 0.0]),
        ([1.0, 0.0], [-1.0, 0.0], 0.25, [0.5, 0.0]),
    ],
)
def test_a_spherical_walk_follows_the_circle(a, b, t, expected):
    np.testing.assert_allclose(_spherical(np.array(a), np.array(b), t), expected, atol=1e-12)


def test_a_row_of_a_conditional_model_is_of_one_class(tmp_path):
    latents, labels = keras.Input((2,)), keras.Input((), dtype="int32")
    level = keras.ops.cast(labels, "float32") - 1.0 + 0.0 * keras.ops.sum(latents, axis=-1)
    image = layers.Reshape((2, 2, 1))(layers.RepeatVector(4)(level[:, None]))
    generator = keras.Model([latents, labels], image)
    critic = keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten(), layers.Dense(1)])
    model = kgen.GAN(generator, critic, classes=3)
    path = pictures.save_interpolation(model, tmp_path / "walk.png", steps=2, rows=4)
    np.testing.assert_allclose(tiles(path, 2)[:, :, 0, 0].T, [[-1, 0, 1, -1]] * 2, atol=1 / 100)


def test_a_walk_of_one_step_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="expected steps >= 2, got 1"):
        pictures.save_interpolation(model(), tmp_path / "walk.png", steps=1)


@pytest.mark.parametrize("lazy", [False, True])
def test_the_nearest_training_images_are_found(tmp_path, lazy):
    gan = model(Uniform())
    samples = gan.sample(3, seed=0)
    near = [samples + shift for shift in (0.1, 0.0, -0.2)]
    train = np.clip(np.concatenate([*near, np.ones((5000, 2, 2, 1), "float32")]), -1, 1)
    array = LazyArray(lambda numbers: train[numbers], train.shape, np.float32) if lazy else train
    path = pictures.save_neighbours(gan, array, tmp_path / "near.png", n=3, neighbours=2)
    expected = np.stack([samples, train[3:6], train[:3]], axis=1)[..., 0]
    np.testing.assert_allclose(tiles(path, 3), expected, atol=1 / 255)


def test_training_images_of_another_shape_are_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"expected training images of shape \(m, 2, 2, 1\)"):
        pictures.save_neighbours(model(), images(4, 3), tmp_path / "near.png")


def test_reconstructions_are_below_their_examples(tmp_path):
    encoder = keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten(), layers.Dense(8)])
    decoder = keras.Sequential([keras.Input((4,)), layers.Reshape((2, 2, 1))])
    vae = kgen.VAE(encoder, decoder, kgen.vae.Gaussian())
    x = images(6)
    path = pictures.save_reconstructions(vae, x, tmp_path / "pairs.png", columns=3)
    shown, decoded = tiles(path, 3), np.clip(vae.reconstruct(x), -1, 1)[..., 0]
    np.testing.assert_allclose(shown[::2].reshape(6, 2, 2), x[..., 0], atol=1 / 255)
    np.testing.assert_allclose(shown[1::2].reshape(6, 2, 2), decoded, atol=1 / 255)
