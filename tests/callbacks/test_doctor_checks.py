"""Each disease on a small model that has it, and on a healthy one."""

import keras
import numpy as np
import pytest

import kgen
from kgen.callbacks import doctor as checks

RING = kgen.data.load("ring8", size=1024).x


def train(model, check, optimizer, x=RING, epochs=4, **options):
    """Gives what the check found; options go to `fit`."""
    model.compile(optimizer)
    doctor = checks.Doctor(checks=[check], speak=lambda text: None)
    model.fit(x, epochs=epochs, batch_size=32, callbacks=[doctor], verbose=0, **options)
    assert doctor.checks == [check]
    return doctor.findings


def gan(**options):
    networks = [kgen.networks.mlp(2, size, hidden=(32,), seed=size) for size in (2, 1)]
    return kgen.GAN(*networks, **options)


def vae(encoder=None, **options):
    encoder = encoder if encoder is not None else kgen.networks.mlp(2, 4, hidden=(32,), seed=0)
    decoder = kgen.networks.mlp(2, 2, hidden=(32,), seed=1)
    return kgen.VAE(encoder, decoder, **({"likelihood": kgen.vae.Gaussian(0.5)} | options))


def adam(rate=5e-3):
    return keras.optimizers.Adam(rate, beta_1=0.5)


def strong_discriminator():
    return {"discriminator": adam(5e-2), "generator": keras.optimizers.SGD(1e-4)}


def test_a_discriminator_that_learns_too_fast_saturates():
    far = RING + 10.0
    (finding,) = train(gan(), checks.Saturation(far), strong_discriminator(), far, epochs=5)
    assert finding.epoch >= 3
    assert "ranks 100.0% of the pairs right" in finding.saw


def test_a_balanced_gan_does_not_saturate():
    assert train(gan(), checks.Saturation(RING), adam(2e-3), epochs=5) == []


def test_a_critic_never_saturates():
    """Its loss, the difference of the means, has slope 1 at any distance."""

    class Critic:
        def discriminator(self, real, fake):
            return keras.ops.mean(fake) - keras.ops.mean(real)

        def generator(self, fake):
            return -keras.ops.mean(fake)

    model = gan(loss=Critic())
    assert checks.Saturation(RING + 100.0, patience=1).look(model, {}, 1) is None


def collapsed():
    """A generator that maps all latents near one point."""
    model = gan()
    model.generator.set_weights([0.01 * w for w in model.generator.get_weights()])
    return model


def frozen():
    return keras.optimizers.SGD(0.0)


@pytest.mark.parametrize(
    "check", [checks.ModeCollapse(RING), checks.LostModes(kgen.data.toys.ring8)], ids=lambda c: c.name
)
def test_a_generator_that_outruns_its_discriminator_collapses(check):
    """Within the square of tanh it finds the one point that the discriminator likes best."""
    model = gan()
    bounded = keras.Sequential([model.generator, keras.layers.Activation("tanh")])
    rates = {"discriminator": keras.optimizers.SGD(1e-4), "generator": adam(0.02)}
    found = train(kgen.GAN(bounded, model.discriminator), check, rates, epochs=8)
    assert found[0].check == check.name
    assert check.patience <= found[0].epoch


def test_mode_collapse_is_seen_after_three_epochs():
    """The size of the finding, on a generator that is made to collapse: its numbers are known."""
    (finding,) = train(collapsed(), checks.ModeCollapse(RING), frozen())
    assert finding.epoch == 3
    assert finding.severity > 10


def test_a_gan_that_makes_the_ring_has_not_collapsed():
    assert train(gan(ema_decay=0.9), checks.ModeCollapse(RING), adam(2e-3), epochs=6) == []


def test_lost_modes_are_counted():
    """A training that loses exactly seven of eight would depend on rounding; this model does not."""
    toy = kgen.data.toys.ring8
    model = collapsed()
    model.generator.layers[-1].bias.assign(toy.modes[2].astype("float32"))
    (finding,) = train(model, checks.LostModes(toy, patience=1), frozen(), epochs=1)
    assert finding.saw == "800 samples come near 1 of 8 modes"


def test_no_mode_is_lost_by_the_mixture_itself():
    class Perfect:
        def sample(self, n, seed=None):
            return kgen.data.toys.ring8.sample(n, seed=seed)

    assert checks.LostModes(kgen.data.toys.ring8).look(Perfect(), {}, 1) is None


def test_a_large_beta_collapses_the_posterior():
    (finding,) = train(vae(beta=100.0), checks.PosteriorCollapse(RING), adam())
    assert finding.saw.startswith("0 of 2 latents depend on the example, and the KL term is")


def test_a_vae_with_beta_1_keeps_its_latents():
    assert train(vae(beta=1.0), checks.PosteriorCollapse(RING), adam()) == []


def test_steps_that_are_far_too_large_diverge():
    """The losses are huge, and finite."""
    wild = keras.optimizers.Adam(1e3)
    (finding,) = train(gan(loss=kgen.gan.Wasserstein()), checks.Divergence(), wild, epochs=2)
    assert finding.epoch == 1
    assert "discriminator_loss is" in finding.saw and "generator_loss is" in finding.saw


def test_steps_of_the_usual_size_do_not_diverge():
    assert train(gan(loss=kgen.gan.Wasserstein()), checks.Divergence(), adam()) == []


def test_a_large_network_on_few_examples_overfits():
    rng = np.random.default_rng(0)
    few, others = (rng.normal(size=(16, 2)).astype("float32") for _ in range(2))
    model = vae(likelihood=kgen.vae.Gaussian(0.05))
    (finding, *_) = train(
        model, checks.Overfitting(), adam(1e-2), few, epochs=60, validation_data=(others,)
    )
    assert "val_loss was best in epoch" in finding.saw


def test_the_same_loss_on_both_is_no_overfitting():
    assert train(vae(), checks.Overfitting(), adam(), epochs=10, validation_data=(RING,)) == []


@pytest.mark.parametrize(
    ("usage", "dead"),
    [([500, 500, 0, 0, 0, 0, 0, 0], 6), ([125] * 8, None), ([4, 0, 0, 0, 0, 0, 0, 0], None)],
    ids=["dead", "alive", "too few to say"],
)
def test_dead_codes(usage, dead):
    class Book:
        def code_usage(self, x):
            return np.array(usage)

    finding = checks.DeadCodes(RING).look(Book(), {}, 1)
    expected = None if dead is None else f"{dead} of 8 codes are used by none of 1000 examples"
    assert (finding and finding.saw) == expected


@pytest.mark.parametrize(("shift", "found"), [(0.0, True), (1e-5, True), (0.1, False)])
def test_guidance_that_does_nothing(shift, found):
    class Conditional:
        def guidance_outputs(self, n, seed):
            outputs = np.random.default_rng(seed).normal(size=(n, 2))
            return outputs, outputs * (1.0 + shift)

    assert (checks.IdleGuidance().look(Conditional(), {}, 1) is not None) == found


@pytest.mark.parametrize(
    "check",
    [checks.ModeCollapse(RING), checks.LostModes(kgen.data.toys.ring8), checks.PosteriorCollapse(RING)],
    ids=lambda check: check.name,
)
def test_nan_is_left_to_its_own_check(check):
    class Broken:
        def sample(self, n, seed=None):
            return np.full((n, 2), np.nan)

        def encode(self, x):
            return np.full((len(x), 2), np.nan)

    assert check.look(Broken(), {}, 1) is None


def test_a_reference_of_one_point_is_refused():
    with pytest.raises(ValueError, match="all 256 reference examples are identical"):
        checks.ModeCollapse(np.ones((300, 2)))
