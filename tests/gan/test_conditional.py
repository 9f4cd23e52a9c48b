"""Labels and codes: conditional, projection, AC-GAN and InfoGAN on blobs whose place is their label."""

import keras
import numpy as np
import pytest
from keras import ops

import kgen
from kgen.gan import Classifier, MutualInformation
from kgen.networks import mlp, with_auxiliary, with_labels, with_projection

CLASSES = 3
Y = (np.arange(96) % CLASSES).astype("int32")
X = (Y[:, None] - 1.0 + np.random.default_rng(0).normal(size=(96, 2)) / 10).astype("float32")


def generator():
    return with_labels(mlp(6, 2, (16,), seed=0), CLASSES, width=4, seed=0)


def conditional():
    return kgen.GAN(
        generator(), with_labels(mlp(6, 1, (16,), seed=1), CLASSES, width=4, seed=1), classes=CLASSES
    )


def projection(**options):
    return kgen.GAN(
        generator(),
        with_projection(mlp(2, 1, (16,), seed=1), CLASSES, seed=1),
        classes=CLASSES,
        **options,
    )


def acgan():
    discriminator = with_auxiliary(mlp(2, 1, (16,), seed=1), CLASSES, seed=1)
    return kgen.GAN(generator(), discriminator, classes=CLASSES, auxiliary=Classifier())


def infogan():
    discriminator = with_auxiliary(mlp(2, 1, (16,), seed=1), CLASSES + 1, seed=1)
    auxiliary = MutualInformation(continuous=1)
    return kgen.GAN(generator(), discriminator, classes=CLASSES, auxiliary=auxiliary)


MEMBERS = {make.__name__: make for make in (conditional, projection, acgan, infogan)}


@pytest.fixture(scope="module", params=MEMBERS)
def trained(request):
    keras.utils.set_random_seed(0)
    model = MEMBERS[request.param]()
    model.compile(keras.optimizers.Adam(0.01, beta_1=0.5), jit_compile=True)
    y = Y if model.needs_labels else None
    losses = model.fit(X, y, batch_size=32, epochs=2, verbose=0).history
    assert all(np.isfinite(values).all() for values in losses.values())
    return model


def test_saves_and_samples_by_label(trained, tmp_path):
    trained.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    samples = trained.sample(6, labels=[0, 1, 2, 0, 1, 2], seed=0)
    assert samples.shape == (6, 2)
    np.testing.assert_array_equal(loaded.sample(6, seed=0), samples)  # the classes in turn
    moved = np.abs(samples - trained.sample(6, labels=1, seed=0)).max(axis=1) > 1e-4
    assert moved.tolist() == [True, False, True] * 2


def test_endpoints_name_the_labels(trained):
    told = [t.name for t in trained.discriminator.inputs][1:]
    names = {name: list(inputs) for name, inputs in trained.endpoints.items()}
    assert names == {"generate": ["seed", "labels"], "discriminate": ["x", *told]}
    arguments = [X[:5], Y[:5]] if told else [X[:5]]
    expected = trained.discriminator([ops.convert_to_tensor(a) for a in arguments] if told else X[:5])
    expected = expected[0] if trained.auxiliary else expected
    np.testing.assert_allclose(
        trained.discriminate(*arguments), ops.convert_to_numpy(expected), atol=1e-5
    )


def test_a_conditional_gan_learns_where_its_classes_are():
    """Class c lies at c - 1; an untrained generator says the same of each."""
    model = projection(ema_decay=0.99)
    model.compile(keras.optimizers.Adam(1e-2, beta_1=0.5), jit_compile=True)
    model.fit(np.tile(X, (10, 1)), np.tile(Y, 10), batch_size=96, epochs=12, verbose=0)
    samples = model.sample(300, seed=0)
    means = [samples[np.arange(300) % CLASSES == c].mean() for c in range(CLASSES)]
    np.testing.assert_allclose(means, [-1, 0, 1], atol=0.4)


def test_classifier_by_hand():
    """Cross-entropies of logits (0, log 3): 1/4 and 3/4."""
    logits = ops.convert_to_tensor(np.log([[1.0, 3.0], [1.0, 3.0]]).astype("float32"))
    labels = ops.convert_to_tensor(np.array([0, 1], "int32"))
    expected = (np.log(4) + np.log(4 / 3)) / 2
    assert float(Classifier(2.0).generator(logits, labels, None)) == pytest.approx(2 * expected)
    found = float(Classifier().discriminator(logits, logits, labels, None))
    assert found == pytest.approx(2 * expected)


def test_mutual_information_by_hand():
    """Two logits, then the mean 1.5 of a code that is 1.0 or 3.0; the second latent is no code."""
    outputs = ops.convert_to_tensor(np.array([[0.0, 0.0, 1.5]] * 2, "float32"))
    latents = ops.convert_to_tensor(np.array([[1.0, 7.0], [3.0, 7.0]], "float32"))
    labels = ops.convert_to_tensor(np.array([0, 1], "int32"))
    expected = np.log(2) + (0.5 * 0.5**2 + 0.5 * 1.5**2) / 2
    loss = MutualInformation(continuous=1).generator(outputs, labels, latents)
    assert float(loss) == pytest.approx(expected)


def test_projection_is_the_inner_product_with_the_embedding():
    plain = mlp(2, 1, (4,), seed=0)
    network = with_projection(plain, CLASSES, seed=0)
    hidden, table = plain.layers[1], network.get_layer("label_embedding")
    features = np.maximum(X @ hidden.kernel.numpy() + hidden.bias.numpy(), 0)
    extra = (table.embeddings.numpy()[Y] * features).sum(-1, keepdims=True)
    found = ops.convert_to_numpy(network([ops.convert_to_tensor(X), ops.convert_to_tensor(Y)]))
    np.testing.assert_allclose(found - ops.convert_to_numpy(plain(X)), extra, atol=1e-5)


def test_the_label_is_a_picture_beside_an_image():
    network = kgen.networks.dcgan_discriminator((8, 8, 2), width=2, batch_norm=False)
    told = with_labels(network, CLASSES)
    assert [tuple(t.shape) for t in told.inputs] == [(None, 8, 8, 1), (None,)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: with_labels(mlp(4, 2), 3, width=4), "leaves none for the examples"),
        (lambda: with_labels(mlp(6, 2), 0, width=4), "classes >= 1"),
        (
            lambda: with_projection(keras.Sequential([keras.Input((2,)), keras.layers.ReLU()]), 3),
            "Dense",
        ),
        (lambda: kgen.GAN(generator(), mlp(2, 1)), "classes is None, and the networks take"),
        (lambda: kgen.GAN(mlp(2, 2), mlp(2, 1), classes=3), r"generator takes \[latents, labels\]"),
        (lambda: kgen.GAN(mlp(2, 2), with_projection(mlp(2, 1), 3)), "classes is None"),
        (lambda: kgen.GAN(mlp(2, 2), with_auxiliary(mlp(2, 1), 3)), "a second head an auxiliary"),
        (lambda: kgen.GAN(generator(), mlp(2, 1), classes=3, auxiliary=Classifier()), "second head"),
        (
            lambda: kgen.GAN(
                mlp(2, 2), with_auxiliary(mlp(2, 1), 3), auxiliary=MutualInformation(continuous=2)
            ),
            "expected 2 outputs of the second head, got 3",
        ),
        (lambda: kgen.GAN(generator(), mlp(4, 1), classes=3, packing=2), "no one label"),
        (lambda: kgen.GAN(generator(), mlp(2, 1), classes=3, pool_size=8), "keeps no labels"),
    ],
)
def test_networks_that_do_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.fit(X, verbose=0), r"one of 3 classes .*fit\(x, labels\)"),
        (lambda m: m.fit(X, Y + 1, verbose=0), "labels 0 ... 2, got 3 at position 2"),
        (lambda m: m.fit(X, Y + 0.5, verbose=0), "integer labels"),
        (lambda m: m.fit(kgen.data.Batches(X), verbose=0), "no labels"),
        (lambda m: m.train_on_batch(X), "no labels"),
        (lambda m: m.sample(2, labels=3), "labels 0 ... 2, got 3"),
        (lambda m: m.sample(3, labels=[0, 1]), "one for each of 3 samples"),
        (lambda m: m.sample(0), "n >= 1"),
        (lambda m: kgen.GAN(mlp(2, 2), mlp(2, 1)).sample(2, labels=1), "takes no labels"),
    ],
)
def test_labels_that_do_not_fit(call, message):
    model = projection()
    model.compile("adam")
    with pytest.raises(ValueError, match=message):
        call(model)
