"""Inpainting: a correlated Gaussian whose conditional distribution is known, and what is refused."""

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image
from test_diffusion_model import MEAN as MEAN_OF_LABEL_0
from test_diffusion_model import oracle
from test_schedules import name

import kgen
from kgen import diffusion
from kgen.pictures import save_inpainting

MEAN, RHO, KNOWN = np.array([0.5, -0.3]), 0.9, 2.0
EXACT_MEAN = MEAN[1] + RHO * (KNOWN - MEAN[0])  # of the second coordinate, given the first
EXACT_VARIANCE = 1.0 - RHO**2
POINTS, FIRST = np.array([[KNOWN, np.nan]] * 1000, "float32"), np.array([True, False])


@keras.saving.register_keras_serializable("tests")
class Correlated(keras.layers.Layer):
    """The best prediction of v for data N(MEAN, [[1, RHO], [RHO, 1]]), given x_t."""

    def __init__(self, schedule, **kwargs):
        super().__init__(**kwargs)
        self.schedule = schedule

    def call(self, x, t):
        a, b = self.schedule.a(t)[:, None], self.schedule.b(t)[:, None]
        # along (1, 1) and (1, -1) the coordinates are independent, of variance 1 + RHO and 1 - RHO
        constants = np.sqrt(0.5) * np.array([[1, 1], [1, -1]]), MEAN, [1 + RHO, 1 - RHO]
        turn, mean, variance = (ops.convert_to_tensor(c, dtype="float32") for c in constants)
        residual = ops.matmul(x - a * mean, turn) / (a**2 * variance + b**2)
        data = mean + a * ops.matmul(variance * residual, turn)
        return diffusion.V().make(self.schedule, data, b * ops.matmul(residual, turn), t)


def correlated(schedule, **options):
    inputs = [keras.Input((2,), name="x"), keras.Input((), name="t")]
    network = keras.Model(inputs, Correlated(schedule)(*inputs))
    return kgen.Diffusion(network, schedule, diffusion.V(), **options)


def errors(model, **options):
    """Of the second coordinate's mean, in deviations, and of its variance, as a share."""
    drawn = model.inpaint(POINTS, FIRST, seed=0, **options)[:, 1].astype("float64")
    off = abs(drawn.mean() - EXACT_MEAN) / np.sqrt(EXACT_VARIANCE)
    return np.array([off, abs(drawn.var() / EXACT_VARIANCE - 1.0)])


@pytest.mark.parametrize("schedule", [diffusion.FlowMatching(), diffusion.DDPM.cosine(100)], ids=name)
def test_resampling_brings_the_conditional_distribution_nearer(schedule):
    """For the same network calls, 60 steps or 4 times 15: half the error and less."""
    model = correlated(schedule)
    plain, resampled = (errors(model, steps=n, resample=r) for n, r in ((60, 1), (15, 4)))
    assert np.all(resampled < plain / 2.0)


def test_much_resampling_comes_near_the_conditional_distribution():
    """10 times 40 steps; of 1000 samples, whose standard errors are 0.03 and 0.04."""
    model = correlated(diffusion.EDM(sigma_max=20.0))
    off, wrong = errors(model, steps=40, resample=10, grid=diffusion.Karras())
    assert off < 0.15
    assert wrong < 0.25


@pytest.fixture(scope="module")
def model():
    return correlated(diffusion.FlowMatching(), clip=(-3.0, 3.0))


@pytest.mark.parametrize("solver", [diffusion.Heun(), diffusion.DPMSolverPP2M()], ids=name)
def test_any_solver_with_fixed_steps_serves(model, solver):
    assert errors(model, steps=15, resample=4, solver=solver)[0] < 0.7  # 1.5 without resampling


def test_known_values_come_out_exactly_as_given(model):
    points = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")
    mask = points > 0.0
    drawn = model.inpaint(points, mask, steps=4, resample=2, seed=0)
    np.testing.assert_array_equal(drawn[mask], points[mask])
    assert np.all(drawn[~mask] != points[~mask])


def test_known_values_are_exact_where_the_schedule_ends_in_noise():
    model = correlated(diffusion.VE(sigma_max=10.0))
    drawn = model.inpaint(POINTS[:3], FIRST, steps=4, resample=2, seed=0)
    np.testing.assert_array_equal(drawn[:, 0], POINTS[:3, 0])


def test_nothing_known_is_plain_sampling(model):
    drawn = model.inpaint(POINTS[:5], np.array([False, False]), steps=4, resample=1, seed=3)
    plain = model.sample(5, solver=diffusion.Ancestral(), steps=4, seed=3)
    np.testing.assert_allclose(drawn, plain, atol=1e-5)


def test_an_example_depends_on_neither_the_batch_nor_its_neighbours(model):
    options = {"mask": FIRST, "steps": 4, "resample": 2, "seed": 1}
    together = model.inpaint(POINTS[:5], batch_size=2, **options)
    np.testing.assert_allclose(together[:2], model.inpaint(POINTS[:2], **options), atol=1e-5)
    assert len(np.unique(together[:, 1])) == 5


def test_new_images_masks_and_seeds_run_the_same_program(model):
    options = {"steps": 4, "resample": 3}
    model.inpaint(POINTS[:3], FIRST, seed=0, **options)
    programs = len(model.programs)
    model.inpaint(-POINTS[:3], np.stack([FIRST] * 3), seed=1, **options)
    assert len(model.programs) == programs


def test_labels_and_guidance_reach_the_network():
    """Denoisers of N(m + k, s^2) differ by a shift, so guidance w gives the mean m + (1 + w) k."""
    options = {"labels": 1, "guidance": 1.5, "steps": 25, "resample": 1, "seed": 0}
    drawn = oracle(classes=3, label_dropout=0.1).inpaint(POINTS[:400], FIRST, **options)
    assert drawn[:, 1].mean() == pytest.approx(MEAN_OF_LABEL_0 + 2.5, abs=0.15)


@pytest.fixture(scope="module")
def painter():
    """A model of 4x4 RGB images, not trained."""
    network = kgen.networks.unet((4, 4, 3), width=4, multipliers=(1,), blocks=1, attention=())
    return kgen.Diffusion(network)


IMAGES = np.random.default_rng(0).uniform(-1.0, 1.0, size=(2, 4, 4, 3)).astype("float32")
LEFT = np.broadcast_to(np.arange(4) < 2, (4, 4))[..., None]


def test_a_mask_without_channels_holds_for_all_of_them(painter):
    filled = painter.inpaint(IMAGES, LEFT, steps=2, resample=2, seed=0)
    np.testing.assert_array_equal(filled[:, :, :2], IMAGES[:, :, :2])
    assert np.all(filled[:, :, 2:] != IMAGES[:, :, 2:])


def test_the_picture_has_a_row_for_images_holes_and_the_filled(tmp_path):
    path = save_inpainting(IMAGES, LEFT, -IMAGES, tmp_path / "holes.png")
    pixels = np.asarray(Image.open(path), dtype=int)
    assert pixels.shape == (3 * 4 + 2 * 2, 2 * 4 + 2, 3)
    original, holes, filled = pixels[:4], pixels[6:10], pixels[12:16]
    np.testing.assert_array_equal(holes[:, :2], original[:, :2])
    np.testing.assert_array_equal(holes[:, 2:4], 128)
    np.testing.assert_allclose(filled[:, :4], 255 - original[:, :4], atol=1)


@pytest.mark.parametrize(
    ("images", "mask", "options", "message"),
    [
        (IMAGES[..., 0], LEFT, {}, r"of shape \(batch, 4, 4, 3\), got shape \(batch, 4, 4\)"),
        ((IMAGES * 127).astype("uint8"), LEFT, {}, "got uint8: divide by 127.5"),
        (IMAGES * 3.0, LEFT, {}, r"expected images in \[-1, 1\]"),
        (np.where(LEFT, np.nan, IMAGES), LEFT, {}, "got 48 NaN"),
        (IMAGES, LEFT[..., 0], {}, r"\(4, 4\): add the channel axis, mask\[..., None\]"),
        (IMAGES, LEFT[:2], {}, r"a mask of shape \(4, 4, 3\) or \(2, 4, 4, 3\), or with 1 as the last"),
        (IMAGES, LEFT * 255, {}, r"zeros and ones \(1: known\), got int64 in \[0, 255\]: .*mask > 0.5"),
        (IMAGES, LEFT, {"resample": 0}, "expected resample >= 1, got 0"),
        (IMAGES, LEFT, {"steps": 0}, "steps >= 1, got 0"),
        (IMAGES, LEFT, {"solver": diffusion.RungeKutta()}, r"RungeKutta has no .*use Ancestral\(\)"),
        (IMAGES, LEFT, {"labels": 1}, "the model takes no labels"),
        (IMAGES, LEFT, {"guidance": 1.0}, "train it with label_dropout"),
    ],
    ids=[f"case{i}" for i in range(12)],
)
def test_what_cannot_be_is_refused(painter, images, mask, options, message):
    with pytest.raises(ValueError, match=message):
        painter.inpaint(images, mask, **options)


def test_a_network_that_breaks_says_at_which_step():
    @keras.saving.register_keras_serializable("tests")
    class BreaksLate(keras.layers.Layer):
        def call(self, x, t):
            return ops.where(t[:, None] < 0.45, np.nan, 0.0 * x)

    inputs = [keras.Input((2,), name="x"), keras.Input((), name="t")]
    broken = kgen.Diffusion(keras.Model(inputs, BreaksLate()(*inputs)))
    with pytest.raises(FloatingPointError, match="2 of 2 samples are not finite from step 7 of 10"):
        broken.inpaint(POINTS[:2], FIRST, steps=10, resample=2, seed=0)
