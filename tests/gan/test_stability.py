"""What keeps the game alive: packs, augmentations, past fakes, looking ahead, BatchNorm's policy."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen.gan import (
    R1,
    Adaptive,
    Color,
    Cutout,
    Flip,
    HistoryPool,
    InstanceNoise,
    Translate,
    Unrolling,
    Wasserstein,
    WeightClipping,
)
from kgen.gan.augment import Moment
from kgen.gan.critic import pack
from kgen.networks import mlp

X = np.random.default_rng(0).normal(size=(32, 2)).astype("float32")
FROZEN = keras.optimizers.SGD(0.0)


def gan(inputs=2, **options):
    return kgen.GAN(mlp(2, 2, (4,), seed=0), mlp(inputs, 1, (4,), seed=1), **options)


def test_a_pack_of_images_joins_their_channels():
    images = np.random.default_rng(0).normal(size=(6, 3, 4, 2)).astype("float32")
    found = ops.convert_to_numpy(pack(ops.convert_to_tensor(images), 3))
    expected = [np.concatenate(images[3 * i : 3 * i + 3], axis=-1) for i in range(2)]
    np.testing.assert_array_equal(found, expected)


def test_a_packed_discriminator_judges_packs():
    model = gan(inputs=6, packing=3)
    real, fake = model.judge(ops.convert_to_tensor(X[:12]))
    assert (tuple(real.shape), tuple(fake.shape)) == ((4, 1), (4, 1))
    expected = model.discriminator.predict(X[:12].reshape(4, 6), verbose=0)
    np.testing.assert_allclose(ops.convert_to_numpy(real), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("data", "batch"),
    [(X, 8), (X[:30], 15), (X[:21], 6), (kgen.data.Batches(X[:21], batch_size=6), None)],
    ids=["batch", "batch of 15", "last batch", "last of Batches"],
)
def test_packs_that_do_not_divide_a_batch(data, batch):
    model = gan(inputs=12, packing=6)
    model.compile("adam")
    with pytest.raises(ValueError, match=r"packs of 6 do not divide .* drop_last=True"):
        model.fit(data, batch_size=batch, verbose=0)


def batch_norm_gan(**options):
    norm = keras.layers.BatchNormalization(momentum=0.5)
    discriminator = keras.Sequential([keras.Input((2,)), norm, keras.layers.Dense(1)])
    model = kgen.GAN(mlp(2, 2), discriminator, **options)
    return model, norm


@pytest.mark.parametrize(("frozen", "moves"), [(True, False), (False, True)])
def test_the_generator_step_may_leave_batch_norm_alone(frozen, moves):
    model, norm = batch_norm_gan(frozen_judge=frozen)
    before = np.array(norm.moving_mean.numpy())
    model.generator_loss(ops.convert_to_tensor(X))
    assert (np.abs(norm.moving_mean.numpy() - before).max() > 0) == moves


@pytest.mark.parametrize(("joint", "expected"), [(True, 25.0), (False, 0.0)])
def test_batch_norm_of_real_and_fake_together_or_apart(joint, expected):
    """Real examples at 10 and fakes at 0 spread by 5 together, and not at all apart.

    From 0, apart the moving variance stays there; together it goes half of the way to 25.
    """
    model, norm = batch_norm_gan(joint_batch=joint)
    norm.moving_variance.assign([0.0, 0.0])
    model.generator.set_weights([0.0 * w for w in model.generator.get_weights()])
    model.discriminator_loss(ops.full((8, 2), 10.0))
    np.testing.assert_allclose(norm.moving_variance.numpy(), 0.5 * expected)


def test_a_lazy_penalty_acts_every_other_step_and_twice():
    model = gan(penalties=[R1(3.0, every=2)])
    model.compile(FROZEN)
    logs = [model.train_on_batch(X, return_dict=True)["penalty"] for _ in range(2)]
    expected = R1(3.0).discriminator(model.discriminator, ops.convert_to_tensor(X), None, None)
    assert logs == pytest.approx([2 * float(expected), 0.0], rel=1e-4)


def test_clipping_holds_after_each_step():
    model = gan(loss=Wasserstein(), penalties=[WeightClipping(0.02)], critic_steps=2)
    model.compile(keras.optimizers.Adam(0.1), jit_compile=True)
    model.fit(X, batch_size=16, verbose=0)
    largest = max(np.abs(v.numpy()).max() for v in model.discriminator.trainable_variables)
    assert largest == pytest.approx(0.02)


@pytest.mark.parametrize(("bias", "expected"), [(9.0, 0.64), (-9.0, 0.0)])
def test_the_probability_follows_the_discriminator_and_is_saved(bias, expected, tmp_path):
    """Two batches of 16 in 50: 0.64 of the way up where it calls all real, never below 0."""
    model = gan(augment=[InstanceNoise()], adaptive=Adaptive(examples=50))
    model.discriminator.layers[-1].bias.assign([bias])
    model.compile(FROZEN)
    model.fit(X, batch_size=16, verbose=0)
    assert float(model.probability.numpy()) == pytest.approx(expected)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert float(loaded.probability.numpy()) == pytest.approx(expected)
    assert int(loaded.steps.numpy()) == 2


IMAGES = np.random.default_rng(1).uniform(-1, 1, size=(16, 6, 6, 3)).astype("float32")
KEYS = kgen.random.keys(0, 16)


def augmented(augmentation, moment=Moment()):  # noqa: B008
    arguments = ops.convert_to_tensor(IMAGES), ops.convert_to_tensor(KEYS)
    return ops.convert_to_numpy(augmentation(*arguments, moment))


def test_translation_moves_whole_pixels():
    """Each result is the image at one of nine places, zeros around it."""
    padded = np.pad(IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)))
    places = [padded[:, i : i + 6, j : j + 6] for i in range(3) for j in range(3)]
    errors = [np.abs(place - augmented(Translate(1 / 6))).max(axis=(1, 2, 3)) for place in places]
    assert np.min(errors, axis=0).max() < 1e-6
    assert len(set(np.argmin(errors, axis=0))) > 3


def test_cutout_sets_a_rectangle_to_zero():
    gone = (augmented(Cutout(0.5)) == 0).all(axis=-1)
    assert (augmented(Cutout(0.5))[~gone] == IMAGES[~gone]).all()
    rows, columns = gone.any(axis=2), gone.any(axis=1)
    np.testing.assert_array_equal(gone, rows[:, :, None] & columns[:, None, :])
    assert rows.sum(axis=1).max() == columns.sum(axis=1).max() == 3


def test_flip_mirrors_some_images():
    found = augmented(Flip())
    mirrored = (found == IMAGES[:, :, ::-1]).all(axis=(1, 2, 3))
    assert 0 < mirrored.sum() < 16
    np.testing.assert_array_equal(found[~mirrored], IMAGES[~mirrored])


@pytest.mark.parametrize(
    ("options", "statistic"),
    [
        ({"saturation": 0.0, "contrast": 0.0}, lambda x: x - x.mean(axis=(1, 2, 3), keepdims=True)),
        ({"brightness": 0.0, "contrast": 0.0}, lambda x: x.mean(axis=-1)),
        ({"brightness": 0.0, "saturation": 0.0}, lambda x: x.mean(axis=(1, 2, 3))),
    ],
    ids=["brightness keeps differences", "saturation keeps grey", "contrast keeps the mean"],
)
def test_colour_changes_what_it_should(options, statistic):
    found = augmented(Color(**options))
    np.testing.assert_allclose(statistic(found), statistic(IMAGES), atol=1e-5)
    assert np.abs(found - IMAGES).max() > 0.05


@pytest.mark.parametrize(("probability", "low", "high"), [(0.0, 0, 0), (0.5, 2, 14), (1.0, 16, 16)])
def test_each_image_is_changed_with_the_probability(probability, low, high):
    changed = augmented(Color(), Moment(probability)) != IMAGES
    assert low <= changed.any(axis=(1, 2, 3)).sum() <= high


def test_instance_noise_falls_to_zero():
    spreads = [
        np.std(augmented(InstanceNoise(0.4, steps=4), Moment(step=s)) - IMAGES) for s in (0, 2, 4, 9)
    ]
    assert spreads == pytest.approx([0.4, 0.2, 0.0, 0.0], abs=0.02)


def test_the_pool_shows_old_fakes_for_about_half_and_loses_none():
    """Numbered fakes: what went in and has not come out is in the pool."""
    pool = HistoryPool(40, (1,))
    fakes = np.arange(400, dtype="float32").reshape(20, 20, 1)
    shown = [
        ops.convert_to_numpy(pool.exchange(ops.convert_to_tensor(f), kgen.random.keys(i, 20)))
        for i, f in enumerate(fakes)
    ]
    np.testing.assert_array_equal(shown[:2], fakes[:2])  # the first round fills it
    old = np.array(shown[2:]) != fakes[2:]
    assert 0.4 < old.mean() < 0.6
    held = pool.pool.numpy().ravel()
    assert len(set(held)) == 40
    kept = sorted([*np.array(shown[2:]).ravel(), *held])
    np.testing.assert_array_equal(kept, np.arange(400))


def test_a_gan_with_a_pool_trains():
    model = gan(pool_size=32)
    model.compile("adam", jit_compile=True)
    model.fit(X, batch_size=16, epochs=2, verbose=0)
    assert np.abs(model.pool.pool.numpy()).min() > 0


def test_unrolled_steps_are_differentiated():
    """D = w, L_D = (w - g)^2 / 2, L_G = w: after k steps of rate r from 0, w = g (1 - (1 - r)^k)."""
    network = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    network.build((None, 1))

    def loss(g):
        return Unrolling(steps=3, rate=0.1)(
            network,
            lambda: 0.5 * ops.square(network.kernel[0, 0] - g),
            lambda: network.kernel[0, 0] + 0.0 * g,
        )

    g = ops.convert_to_tensor(2.0)
    assert float(ops.stop_gradient(loss(g))) == pytest.approx(2 * (1 - 0.9**3), rel=1e-5)
    assert float(kgen.backend.gradient(loss, g)) == pytest.approx(1 - 0.9**3, rel=1e-5)
    assert float(network.kernel.numpy()[0, 0]) == 0.0


def test_an_unrolled_gan_trains():
    model = gan(unrolling=Unrolling(2, 0.1))
    model.compile("adam", jit_compile=True)
    assert np.isfinite(list(model.fit(X, batch_size=16, verbose=0).history.values())).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gan(packing=0), "packing >= 1"),
        (lambda: gan(packing=2), r"packs of 2 of shape \(4,\), the discriminator takes \(2,\)"),
        (lambda: gan(pool_size=-1), "pool_size >= 0"),
        (lambda: gan(adaptive=Adaptive()), "give augment"),
        (lambda: Unrolling(steps=0), "steps >= 1"),
        (lambda: HistoryPool(0, (2,)), "at least 1 example"),
        (lambda: HistoryPool(4, (2,)).exchange(ops.ones((5, 2)), KEYS[:5]), "smaller than a batch"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
