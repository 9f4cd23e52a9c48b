"""The families: one line each, and every promise of the engine is tested for it on three backends."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import kgen


@dataclass(frozen=True)
class Family:
    """How to make a small model of a family, and what it is trained and called on.

    `make()` builds it, not compiled. `loss` is the metric that must fall on the toy data; None where
    the family's losses need not (adversarial ones). `condition(n)` is what `fit` takes beside n
    examples. `inputs(model, x)` is what `model.call` takes. `xla`: TensorFlow compiles its step by
    XLA, too: for one family of each kind of computation, since that takes long. `data(n)` are examples.
    """

    name: str
    make: Callable[[], kgen.GenerativeModel]
    data_shape: tuple[int, ...]
    loss: str | None
    condition: Callable[[int], Any] | None = None
    inputs: Callable[[Any, np.ndarray], Any] = lambda model, x: x
    xla: bool = False
    onnx: bool = True
    data: Callable[["Family", int], np.ndarray] | None = None

    def batch(self, n: int) -> list[Any]:
        """n examples, and what comes with them: the arguments of `fit`."""
        x = toy_data(self, n) if self.data is None else self.data(self, n)
        return [x] if self.condition is None else [x, self.condition(n)]


def latents(model, x):
    """What a GAN's `call` takes: latents, and labels where the generator has that input."""
    drawn = keras.ops.convert_to_numpy(model.prior.sample(kgen.random.keys(0, len(x))))
    return [drawn, *zeros(model.generator.inputs[1:], len(x))] if model.classes else drawn


def noisy(model, x):
    """What a diffusion model's `call` takes: x_t, times, and its conditions."""
    return [x, np.full(len(x), 0.5, "float32"), *zeros(model.network.inputs[2:], len(x))]


def zeros(inputs, n):
    return [np.zeros((n, *value.shape[1:]), value.dtype) for value in inputs]


def labels(classes):
    return lambda n: np.arange(n, dtype="int32") % classes


def with_labels(model, x):
    return [x, np.arange(len(x), dtype="int32") % 3]


def labels_and_vectors(n):
    rng = np.random.default_rng(2)
    return labels(3)(n), rng.normal(size=(n, 3)).astype("float32")


def vectors(n):
    return dict(zip(("labels", "context"), labels_and_vectors(n), strict=True))


def with_vectors(model, x):
    return [x, *labels_and_vectors(len(x))]


def pictures(n):
    """Small pictures that a model is conditional on."""
    rng = np.random.default_rng(1)
    return {"image": rng.uniform(-1.0, 1.0, (n, 4, 4, 3)).astype("float32")}


def tokens(family, n):
    """Words of which one follows the other."""
    return (np.arange(n)[:, None] // 16 + np.arange(4)[None]).astype("int32") % 5


def gan(**options):
    generator = kgen.networks.mlp(2, 2, hidden=(16,))
    discriminator = kgen.networks.mlp(2, 1, hidden=(16,))
    return kgen.GAN(generator, discriminator, **options)


def dcgan(**options):
    """BatchNorm and Dropout, an average of the weights, two critic steps."""
    generator = kgen.networks.dcgan_generator(latent_dim=4, shape=(8, 8, 1), width=4)
    discriminator = kgen.networks.dcgan_discriminator(shape=(8, 8, 1), width=4, dropout=0.25)
    options = {"critic_steps": 2, "ema_decay": 0.99} | options
    return kgen.GAN(generator, discriminator, **options)


def critic():
    """Without the last bias, to which losses of differences give no gradient."""
    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(16, activation=keras.activations.tanh)(inputs)
    return keras.Model(inputs, keras.layers.Dense(1, use_bias=False)(hidden))


def wgan_gp(**options):
    """A penalty that takes second derivatives, two critic steps."""
    options = {"critic_steps": 2, "penalties": [kgen.gan.GradientPenalty()]} | options
    generator = kgen.networks.mlp(2, 2, hidden=(16,))
    return kgen.GAN(generator, critic(), kgen.gan.Wasserstein(), **options)


def r3gan(**options):
    """Penalties every other step, adaptive noise, past fakes, unrolled steps."""
    return kgen.GAN(
        kgen.networks.mlp(2, 2, hidden=(16,)),
        critic(),
        kgen.gan.RelativisticPairing(),
        [kgen.gan.R1(every=2), kgen.gan.R2(), kgen.gan.OrthogonalRegularisation()],
        augment=[kgen.gan.InstanceNoise(steps=100)],
        adaptive=kgen.gan.Adaptive(examples=500),
        pool_size=64,
        unrolling=kgen.gan.Unrolling(steps=1),
        **options,
    )


def cgan(**options):
    """Both networks are told labels, the discriminator by projection; a penalty."""
    generator = kgen.networks.with_labels(kgen.networks.mlp(4, 2, hidden=(16,)), classes=3, width=2)
    discriminator = kgen.networks.with_projection(kgen.networks.mlp(2, 1, hidden=(16,)), classes=3)
    options = {"classes": 3, "penalties": [kgen.gan.R1()]} | options
    return kgen.GAN(generator, discriminator, **options)


def acgan(**options):
    """A head of the discriminator learns the labels that the generator is told; an average."""
    generator = kgen.networks.with_labels(kgen.networks.mlp(4, 2, hidden=(16,)), classes=3, width=2)
    discriminator = kgen.networks.with_auxiliary(kgen.networks.mlp(2, 1, hidden=(16,)), 3)
    options = {"classes": 3, "auxiliary": kgen.gan.Classifier(), "ema_decay": 0.99} | options
    return kgen.GAN(generator, discriminator, **options)


def vae(**options):
    options = {"likelihood": kgen.vae.Gaussian(0.5)} | options
    return kgen.VAE(
        kgen.networks.mlp(2, 4, hidden=(16,)), kgen.networks.mlp(2, 2, hidden=(16,)), **options
    )


def conv_vae(**options):
    likelihood = kgen.vae.DiscretizedLogistic()
    encoder = kgen.networks.conv_encoder(shape=(8, 8, 1), latent_dim=2, width=4)
    decoder = kgen.networks.conv_decoder(
        latent_dim=2, shape=(8, 8, 1), channels_out=likelihood.outputs, width=4
    )
    options = {"ema_decay": 0.99, "beta": 2.0} | options
    return kgen.VAE(encoder, decoder, likelihood, **options)


def cvae(**options):
    """Encoder and decoder conditional on labels, an average of the decoder."""
    encoder = kgen.networks.with_labels(kgen.networks.mlp(4, 4, hidden=(16,)), classes=3, width=2)
    decoder = kgen.networks.with_labels(kgen.networks.mlp(4, 2, hidden=(16,)), classes=3, width=2)
    options = {"classes": 3, "ema_decay": 0.99, "likelihood": kgen.vae.Gaussian(0.5)} | options
    return kgen.VAE(encoder, decoder, **options)


def beside(network, width):
    """A network whose last input numbers are a vector, and after it labels of three classes."""
    x = keras.Input((network.input_shape[-1] - width - 2,), name="x")
    labels = keras.Input((), dtype="int32", name="labels")
    vector = keras.Input((width,), name="context")
    table = keras.layers.Embedding(3, 2, embeddings_initializer=kgen.layers.Normal(0.5, 0))
    joined = keras.layers.Concatenate()([x, table(labels), vector])
    return keras.Model([x, labels, vector], network(joined))


def vector_vae(**options):
    """Encoder and decoder conditional on labels and a vector."""
    encoder = beside(kgen.networks.mlp(7, 4, hidden=(16,)), 3)
    decoder = beside(kgen.networks.mlp(7, 2, hidden=(16,)), 3)
    options = {"classes": 3, "likelihood": kgen.vae.Gaussian(0.5)} | options
    return kgen.VAE(encoder, decoder, **options)


@keras.saving.register_keras_serializable("tests")
class Labelled(kgen.Diffusion):
    """Tells the label by the first number of an example, so that `fit(x)` suffices."""

    def check_data(self, x, y=None):
        super().check_data(x, (x[:, 0] > -0.8).astype("int32"))

    def losses_of(self, x, condition, keys, training=False):
        labels = keras.ops.cast(x[:, 0] > -0.8, "int32")
        return super().losses_of(x, labels, keys, training)


def labelled(channels_out=2, **options):
    """A network that is told labels, which are dropped."""
    time = kgen.networks.SinusoidalFeatures(4, scale=1.0)
    network = kgen.networks.residual_mlp(2, 16, 1, classes=2, channels_out=channels_out, time=time)
    options = {"target": kgen.diffusion.Noise(), "label_dropout": 0.2} | options
    return Labelled(network, classes=2, **options)


def diffusion(**options):
    """Labels that are dropped, an average of the weights."""
    options = {"target": kgen.diffusion.Velocity(), "ema_decay": 0.99} | options
    return labelled(schedule=kgen.diffusion.FlowMatching(), **options)


def ddpm(**options):
    """A transformer with dropout, discrete steps, an average of the weights."""
    network = kgen.networks.dit((4, 4, 1), patch=2, width=8, depth=1, heads=2, dropout=0.1)
    options = {"schedule": kgen.diffusion.DDPM.linear(20), "target": kgen.diffusion.Noise()} | options
    return kgen.Diffusion(network, ema_decay=0.99, clip=(-1.0, 1.0), **options)


def two_sizes(**options):
    """A U-Net that halves and doubles its images, and attends to all pixels of the small ones."""
    small = {"width": 4, "multipliers": (1, 2), "blocks": 1, "attention": (2,), "head_width": 8}
    return kgen.Diffusion(kgen.networks.unet((4, 4, 1), **small), **{"clip": (-1.0, 1.0)} | options)


def consistency(**options):
    """A student: a frozen teacher, two averages of the network, and a count of its steps."""
    network, teacher = (kgen.networks.residual_mlp(2, width=8, depth=1, seed=i) for i in range(2))
    rng = np.random.default_rng(0)
    teacher.set_weights([rng.normal(0.0, 0.5, w.shape) for w in teacher.get_weights()])
    options = {"halve_every": 4, "target_decay": 0.9, "ema_decay": 0.99} | options
    return kgen.diffusion.ConsistencyModel(network, teacher, **options)


def vdm(**options):
    """A learned schedule and variance, labels that are dropped, an average of the weights."""
    d = kgen.diffusion
    options = {"weight": d.Likelihood(), "precondition": d.Precondition(), "ema_decay": 0.99} | options
    schedule = d.LearnedSchedule(-6.0, 4.0, units=4)
    return labelled(4, schedule=schedule, variance=d.LearnedVariance(steps=10), **options)


def hybrid(**options):
    """A learned variance of discrete steps, min-SNR weights."""
    d = kgen.diffusion
    options = {"weight": d.MinSNR(), "variance": d.LearnedVariance(), "clip": (-1.0, 1.0)} | options
    return labelled(4, schedule=d.DDPM.cosine(10), **options)


def progressive(**options):
    """A student of two steps on the levels of NCSN, whose teacher knows the score."""
    d, model = kgen.diffusion, consistency()
    options = {"schedule": d.NCSN(levels=8), "target": d.Score(), "weight": d.ScoreMatching()} | options
    return d.ProgressiveDistillation(model.network, model.teacher, steps=2, **options)


def realnvp(**options):
    """Two couplings by hand, without ActNorm, which alone would fit these data."""
    couplings = [
        kgen.flow.layers.Coupling(kgen.networks.conditioner(1, 2, hidden=(16,)), mask)
        for mask in (kgen.flow.Half(), kgen.flow.Half(flip=True))
    ]
    return kgen.Flow(couplings, kgen.distributions.StandardNormal((2,)), **options)


def maf(**options):
    """A spline for each number, an average of the weights."""
    spline = kgen.flow.RationalQuadratic(bins=4)
    options = {"layers": 2, "hidden": (16,), "transform": spline, "ema_decay": 0.99} | options
    return kgen.flow.MAF((2,), **options)


def spline_flow(**options):
    """Couplings by splines."""
    return kgen.flow.NeuralSplineFlow((2,), **{"layers": 2, "bins": 4, "hidden": (16,)} | options)


def iaf(**options):
    """Densities one number at a time."""
    return kgen.flow.IAF((2,), **{"layers": 2, "hidden": (16,)} | options)


def ffjord(**options):
    """A continuous flow, its divergence by Hutchinson's estimate."""
    return kgen.flow.FFJORD((2,), **{"hidden": (8,), "steps": 2, "exact": False} | options)


def glow(**options):
    """One step on images of one scale, with dequantisation: small, for XLA takes long over flows."""
    return kgen.flow.Glow((4, 4, 1), **{"levels": 1, "steps": 1, "width": 4} | options)


def pixelcnn(**options):
    """Masked convolutions, a logit for each of 256 levels, an average of the weights."""
    likelihood = kgen.autoregressive.Categorical()
    network = kgen.networks.pixelcnn((4, 4, 1), likelihood.outputs(), width=8, depth=1, first_size=3)
    return kgen.Autoregressive(network, likelihood, **{"ema_decay": 0.99} | options)


def gated_pixelcnn(**options):
    """PixelCNN++ of colours: two stacks, mixtures whose channels see one another."""
    likelihood = kgen.autoregressive.LogisticMixture(components=2)
    network = kgen.networks.gated_pixelcnn((4, 4, 3), likelihood.outputs(3), width=4, depth=2)
    return kgen.Autoregressive(network, likelihood, **options)


def transformer(**options):
    """Embedded levels, attention, rotary positions along two axes."""
    likelihood = kgen.autoregressive.Categorical()
    network = kgen.networks.transformer(
        (4, 4), likelihood.outputs(), vocabulary=256, width=8, depth=1, heads=2
    )
    return kgen.Autoregressive(network, likelihood, shape=(4, 4, 1), **options)


def lstm(**options):
    """Embedded levels, one long row of pixels."""
    likelihood = kgen.autoregressive.Categorical()
    network = kgen.networks.lstm(16, likelihood.outputs(), vocabulary=256, width=8)
    return kgen.Autoregressive(network, likelihood, shape=(4, 4, 1), **options)


def made(**options):
    """Masked dense layers over the pixels."""
    likelihood = kgen.autoregressive.Categorical()
    network = kgen.networks.made(16, likelihood.outputs(), hidden=(16,))
    return kgen.Autoregressive(network, likelihood, shape=(4, 4, 1), **options)


def superres(**options):
    """A U-Net that is told an image, as further channels of its input."""
    small = {"width": 4, "multipliers": (1,), "blocks": 1, "attention": ()}
    network = kgen.networks.unet((4, 4, 3), extra_channels=3, **small)
    return kgen.Diffusion(network, **{"clip": (-1.0, 1.0)} | options)


def told_flow(**options):
    """A transform of vectors that is told a label, in all of a flow's endpoints."""
    options = {"layers": 2, "hidden": (8,), "bins": 4, "classes": 3} | options
    return kgen.flow.NeuralSplineFlow((2,), **options)


def texts(**options):
    """Tokens and labels: a transformer with a key-value cache."""
    tokens = kgen.autoregressive.Tokens(5)
    network = kgen.networks.transformer((4,), 5, vocabulary=5, width=8, depth=1, heads=2, classes=3)
    return kgen.Autoregressive(network, tokens, **{"classes": 3} | options)


FAMILIES = [
    Family("gan", gan, (2,), None, inputs=latents),
    Family("dcgan", dcgan, (8, 8, 1), None, inputs=latents, xla=True),
    Family("wgan_gp", wgan_gp, (2,), None, inputs=latents, xla=True),
    Family("r3gan", r3gan, (2,), None, inputs=latents),
    Family("cgan", cgan, (2,), None, labels(3), latents, xla=True),
    Family("acgan", acgan, (2,), None, labels(3), latents),
    Family("vae", vae, (2,), "loss"),
    Family("conv_vae", conv_vae, (8, 8, 1), "loss", xla=True),
    Family("cvae", cvae, (2,), "loss", labels(3), with_labels),
    Family("vector_vae", vector_vae, (2,), "loss", vectors, with_vectors),
    Family("vdm", vdm, (2,), "loss", inputs=noisy, xla=True),
    Family("ddpm", ddpm, (4, 4, 1), "loss", inputs=noisy, xla=True),
    Family("diffusion", diffusion, (2,), "loss", inputs=noisy),
    Family("hybrid", hybrid, (2,), "loss", inputs=noisy),
    Family("two_sizes", two_sizes, (4, 4, 1), "loss", inputs=noisy),
    Family("superres", superres, (4, 4, 3), "loss", pictures, noisy),
    Family("consistency", consistency, (2,), None, inputs=noisy),
    Family("progressive", progressive, (2,), "loss", inputs=noisy),
    Family("realnvp", realnvp, (2,), "loss"),
    Family("maf", maf, (2,), "loss", xla=True),
    Family("spline_flow", spline_flow, (2,), "loss"),
    Family("told_flow", told_flow, (2,), "loss", labels(3), with_labels),
    Family("iaf", iaf, (2,), None),  # ActNorm alone fits these data
    Family("ffjord", ffjord, (2,), None, xla=True, onnx=False),
    Family("glow", glow, (4, 4, 1), "loss"),
    Family("pixelcnn", pixelcnn, (4, 4, 1), "loss"),
    Family("gated_pixelcnn", gated_pixelcnn, (4, 4, 3), "loss"),
    Family("transformer", transformer, (4, 4, 1), "loss"),
    Family("texts", texts, (4,), "loss", labels(3), with_labels, data=tokens),
    Family("lstm", lstm, (4, 4, 1), "loss"),
    Family("made", made, (4, 4, 1), "loss"),
]


def named(name: str) -> Family:
    return next(family for family in FAMILIES if family.name == name)


def toy_data(family: Family, n: int = 48) -> np.ndarray:
    """Examples in [-1, 1] that all look much alike: smooth bumps with a little noise."""
    rng = np.random.default_rng(0)
    base = np.linspace(-0.8, 0.8, int(np.prod(family.data_shape))).reshape(family.data_shape)
    noise = rng.normal(0.0, 0.05, size=(n, *family.data_shape))
    levels = np.round((np.clip(base + noise, -1, 1) + 1) * 127.5) / 127.5 - 1
    return levels.astype("float32")


def set_numpy_weights(model: keras.Model, seed: int = 0) -> None:
    """Gives a model weights that NumPy drew, the same on every backend, and a fixed random stream."""
    rng = np.random.default_rng(seed)
    for part in model.parts.values():
        for variable in part.trainable_variables:
            if len(variable.shape) > 1:
                variable.assign(rng.normal(0.0, 0.2, variable.shape).astype("float32"))
    if model.ema is not None:
        model.ema.reset()
    model.random.reseed(seed)
