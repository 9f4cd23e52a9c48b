"""Formulas of the lectures on GANs as figures: two parallel lines, and a gradient that vanishes."""

from pathlib import Path

import keras
import numpy as np
from keras import ops
from plotting import save, subplots

import kgen
from kgen import backend

GAMES = {"log(1 - D)": kgen.gan.Minimax(), "-log D": kgen.gan.NonSaturating()}


def parallel_lines(theta: np.ndarray) -> dict[str, np.ndarray]:
    """Distances of the uniform distributions on {0} x [0, 1] and on {theta} x [0, 1].

    Apart they share no point, however near they are: only Wasserstein's distance tells how far, and has
    a slope that leads together.

    Args:
        theta: any shape.

    Returns:
        Values of theta's shape; divergences in nats, KL infinite.

    Source: "Wasserstein GAN" (Arjovsky et al., 2017), example 1.
    """
    apart = np.asarray(theta) != 0
    return {
        "total variation": np.where(apart, 1.0, 0.0),
        "Kullback-Leibler": np.where(apart, np.inf, 0.0),
        "Jensen-Shannon": np.where(apart, np.log(2.0), 0.0),
        "Wasserstein": np.abs(theta),
    }


def slopes(logits: np.ndarray) -> dict[str, np.ndarray]:
    """The slope of each game's generator loss at logits of fakes `(n,)`, by automatic differentiation.

    That of log(1 - D) is -D, that of -log D is D - 1.
    """
    x = ops.convert_to_tensor(logits, "float32")

    def slope(loss: kgen.gan.AdversarialLoss) -> np.ndarray:
        gradient = backend.gradient(lambda x: len(logits) * loss.generator(x), x)
        return ops.convert_to_numpy(gradient)

    return {name: slope(loss) for name, loss in GAMES.items()}


def lines(path: Path) -> Path:
    """Four distances between two parallel lines, as the distance theta goes to 0."""
    theta = np.linspace(-1.0, 1.0, 401)
    figure, axes = subplots(4)
    for axis, (name, values) in zip(axes, parallel_lines(theta).items(), strict=True):
        infinite = np.isinf(values)
        axis.plot(theta, np.where(infinite | (theta == 0), np.nan, values), color="C0")
        if infinite.any():
            axis.text(0.0, 0.6, "∞ but at 0", ha="center", color="C0")
        axis.plot(0.0, 0.0, "o", color="C3")
        axis.set(title=name, xlabel="theta", xlim=(-1.05, 1.05), ylim=(-0.05, 1.2))
    return save(figure, path)


def vanishing(path: Path) -> Path:
    """What the generator's two losses say of fakes, and the gradient while the discriminator learns."""
    figure, axes = subplots(3, height=3.0)
    logits = np.linspace(-8.0, 8.0, 161)
    judged = 1.0 / (1.0 + np.exp(-logits))
    for name, slope in slopes(logits).items():
        values = {"log(1 - D)": np.log1p(-judged), "-log D": -np.log(judged)}[name]
        axes[0].plot(judged, values, label=name)
        axes[1].plot(logits, np.abs(slope), label=name)
    for name, norms in starving().items():
        axes[2].semilogy(10 * np.arange(len(norms)), norms, label=name)
    axes[0].set(title="the generator's loss", xlabel="D(G(z))", ylim=(-6, 6))
    axes[1].set(title="its slope in the logit", xlabel="logit of a fake")
    axes[2].set(title="gradient of the generator", xlabel="steps of the discriminator alone")
    axes[0].legend()
    return save(figure, path)


def starving(epochs: int = 30) -> dict[str, list[float]]:
    """The norm of the generator's gradient, by game, after each ten steps of the discriminator."""
    keras.utils.set_random_seed(0)
    networks = kgen.networks.mlp(2, 2, seed=0), kgen.networks.mlp(2, 1, seed=1)
    model = kgen.GAN(*networks)
    model.compile(
        {"discriminator": keras.optimizers.Adam(1e-3), "generator": keras.optimizers.SGD(0.0)}
    )
    real = kgen.data.load("ring8", size=2560).x
    latents = kgen.random.normal(kgen.random.keys(0, 512), (2,))
    norms = {name: [] for name in GAMES}

    def look(*_: object) -> None:
        backend.synchronize(model)
        for name, loss in GAMES.items():
            values = _gradient(model, loss, latents)
            norms[name].append(float(np.sqrt(sum((v**2).sum() for v in values))))

    call = keras.callbacks.LambdaCallback(on_train_begin=look, on_epoch_end=look)
    model.fit(real, batch_size=256, epochs=epochs, verbose=0, callbacks=[call])
    return norms


def _gradient(model: kgen.GAN, loss: kgen.gan.AdversarialLoss, latents: object) -> list[np.ndarray]:
    variables = model.generator.trainable_variables
    judge = model.discriminator
    _, gradients = backend.value_and_grad(
        lambda: (loss.generator(judge(model.generator(latents))), None), variables
    )
    return [ops.convert_to_numpy(gradient) for gradient in gradients]
