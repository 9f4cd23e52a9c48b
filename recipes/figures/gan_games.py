"""Games in the plane as figures: a collapse as it happens, and two ways to bound a critic's slope."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from plotting import save, save_animation, subplots, to_image

import kgen
from kgen import backend

_SIDE = 60  # points of a grid along each axis


def collapse(path: Path, frames: int = 40, steps: int = 50) -> Path:
    """Two GANs on eight modes: points, and the discriminator's field, every 50 steps, as a GIF.

    On the left the plain game under Adam's usual momentum: the generator hops from mode to mode, and
    the discriminator after it. On the right R3GAN's game, without momentum, which keeps all modes.
    """
    keras.utils.set_random_seed(0)
    real = kgen.data.load("ring8", size=256 * steps).x
    views = {name: _watch(make(), real, frames) for name, make in _GAMES.items()}
    images = []
    for frame in range(frames):
        figure, axes = subplots(len(views), height=3.2)
        for axis, (name, view) in zip(axes, views.items(), strict=True):
            fakes, field = view[frame]
            _draw_field(axis, field, 3.0, "RdBu_r")
            axis.scatter(*real[:500].T, s=1, color="black")
            axis.scatter(*fakes.T, s=3, color="lime", linewidths=0)
            axis.set(title=f"{name}, step {(frame + 1) * steps}", xlim=(-3, 3), ylim=(-3, 3))
        images.append(to_image(figure))
    return save_animation(images, path)


def clipping(path: Path, epochs: int = 60) -> Path:
    """Critics of one game under weight clipping and gradient penalty: their values, slopes, weights.

    The generator stays what it is, a standard normal, against a ring of eight Gaussians.

    Source: "Improved Training of Wasserstein GANs" (Gulrajani et al., 2017), figure 1.
    """
    real = kgen.data.load("ring8", size=5120).x
    figure, axes = subplots(3, rows=2, height=2.8)
    penalties = {
        "weight clipping": kgen.gan.WeightClipping(0.1),
        "gradient penalty": kgen.gan.GradientPenalty(10.0),
    }
    for row, (name, penalty) in zip(axes, penalties.items(), strict=True):
        model = _critic(penalty)
        model.fit(real, batch_size=256, epochs=epochs, verbose=0)
        points = _grid(3.0)
        lines = model.discriminate(points).reshape(_SIDE, _SIDE)
        row[0].contour(*points.reshape(_SIDE, _SIDE, 2).T, lines.T, levels=14, cmap="viridis")
        row[0].scatter(*real[:500].T, s=1, color="C3")
        row[0].set(title=f"{name}: the critic", aspect="equal")
        row[1].hist(_slopes(model, real[:2000]), bins=40)
        row[1].set(title="its slope, between real and fake")
        row[2].hist(np.concatenate([w.ravel() for w in model.discriminator.get_weights()]), bins=60)
        row[2].set(title="its weights")
    return save(figure, path)


def _plain() -> kgen.GAN:
    model = kgen.GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1))
    model.compile(keras.optimizers.Adam(1e-3, beta_1=0.9))
    return model


def _cured() -> kgen.GAN:
    model = kgen.GAN(
        kgen.networks.mlp(2, 2),
        kgen.networks.mlp(2, 1),
        kgen.gan.RelativisticPairing(),
        [kgen.gan.R1(0.02), kgen.gan.R2(0.02)],
    )
    model.compile(keras.optimizers.Adam(2e-3, beta_1=0.0))
    return model


_GAMES: dict[str, Callable[[], kgen.GAN]] = {"GAN": _plain, "R3GAN": _cured}


def _watch(model: kgen.GAN, real: np.ndarray, epochs: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Fakes and the discriminator's field after each epoch of training."""
    view = []

    def look(*_: Any) -> None:
        field = model.discriminate(_grid(3.0))
        view.append((model.sample(500, seed=0), 1.0 / (1.0 + np.exp(-field + np.median(field)))))

    call = keras.callbacks.LambdaCallback(on_epoch_end=look)
    model.fit(real, batch_size=256, epochs=epochs, verbose=0, callbacks=[call])
    return view


def _critic(penalty: kgen.gan.Penalty) -> kgen.GAN:
    """A game whose generator gives its latents, and learns nothing."""
    keras.utils.set_random_seed(0)
    generator = kgen.networks.mlp(2, 2, hidden=())
    generator.set_weights([np.eye(2), np.zeros(2)])
    discriminator = kgen.networks.mlp(2, 1, hidden=(128, 128, 128))
    model = kgen.GAN(generator, discriminator, kgen.gan.Wasserstein(), [penalty])
    model.compile(
        {
            "discriminator": keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.9),
            "generator": keras.optimizers.SGD(0.0),
        }
    )
    return model


def _slopes(model: kgen.GAN, real: np.ndarray) -> np.ndarray:
    shares = np.random.default_rng(0).uniform(size=(len(real), 1))
    x = shares * real + (1.0 - shares) * model.sample(len(real), seed=0)
    x = ops.convert_to_tensor(x, "float32")
    gradient = backend.gradient(lambda x: ops.sum(model.discriminator(x)), x)
    return np.linalg.norm(ops.convert_to_numpy(gradient), axis=1)


def _grid(reach: float) -> np.ndarray:
    """Points of the square [-reach, reach]^2, `(side * side, 2)`, the first coordinate slowest."""
    axis = np.linspace(-reach, reach, _SIDE, dtype="float32")
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)


def _draw_field(axis: Any, field: np.ndarray, reach: float, colours: str) -> None:
    picture = field.reshape(_SIDE, _SIDE).T
    extent = (-reach, reach, -reach, reach)
    axis.imshow(picture, origin="lower", extent=extent, cmap=colours, vmin=0.0, vmax=1.0)
