"""The DCGAN and the VAE in bare JAX: pure functions, `jax.jit` with donated state, optax."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import engine_common as common
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax, nn

Array = jax.Array
_LAYOUT = ("NHWC", "HWIO", "NHWC")


class State(NamedTuple):
    """All that a step changes. Dicts are keyed by network."""

    weights: dict[str, list[Array]]
    statistics: dict[str, list[Array]]
    slots: Any
    sums: dict[str, Array]
    key: Array


def conv(x: Array, kernel: Array) -> Array:
    return lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=_LAYOUT)


def conv_transpose(x: Array, kernel: Array) -> Array:
    return lax.conv_transpose(
        x, kernel, (2, 2), "SAME", dimension_numbers=_LAYOUT, transpose_kernel=True
    )


def batch_norm(
    x: Array, scale: Array, offset: Array, statistics: Sequence[Array]
) -> tuple[Array, list[Array]]:
    """Normalises by the batch; also gives the new moving mean and variance."""
    mean, variance = jnp.mean(x, (0, 1, 2)), jnp.var(x, (0, 1, 2))
    x = (x - mean) * (lax.rsqrt(variance + common.BN_EPSILON) * scale) + offset
    return x, [
        common.MOMENTUM * old + (1.0 - common.MOMENTUM) * lax.stop_gradient(new)
        for old, new in zip(statistics, (mean, variance), strict=True)
    ]


def generator(
    weights: Sequence[Array], statistics: Sequence[Array], latents: Array
) -> tuple[Array, list[Array]]:
    dense, scale_1, offset_1, up_1, scale_2, offset_2, up_2, bias = weights
    x = (latents @ dense).reshape(-1, *common.COARSE)
    x, first = batch_norm(x, scale_1, offset_1, statistics[:2])
    x = conv_transpose(nn.relu(x), up_1)
    x, second = batch_norm(x, scale_2, offset_2, statistics[2:])
    return jnp.tanh(conv_transpose(nn.relu(x), up_2) + bias), first + second


def discriminator(
    weights: Sequence[Array], statistics: Sequence[Array], images: Array
) -> tuple[Array, list[Array]]:
    down_1, bias_1, down_2, scale, offset, dense, bias_2 = weights
    x = nn.leaky_relu(conv(images, down_1) + bias_1, 0.2)
    x, statistics = batch_norm(conv(x, down_2), scale, offset, statistics)
    return nn.leaky_relu(x, 0.2).reshape(len(x), -1) @ dense + bias_2, statistics


def encoder(weights: Sequence[Array], images: Array) -> Array:
    down_1, bias_1, down_2, bias_2, dense_1, bias_3, dense_2, bias_4 = weights
    x = nn.relu(conv(images, down_1) + bias_1)
    x = nn.relu(conv(x, down_2) + bias_2)
    return nn.relu(x.reshape(len(x), -1) @ dense_1 + bias_3) @ dense_2 + bias_4


def decoder(weights: Sequence[Array], latents: Array) -> Array:
    dense_1, bias_1, dense_2, bias_2, up_1, bias_3, up_2, bias_4 = weights
    x = nn.relu(nn.relu(latents @ dense_1 + bias_1) @ dense_2 + bias_2)
    x = nn.relu(conv_transpose(x.reshape(-1, *common.COARSE), up_1) + bias_3)
    return conv_transpose(x, up_2) + bias_4


def update_dcgan(state: State, images: Array, noise: Sequence[Array]) -> State:
    """One discriminator step and one generator step, each on fresh fakes."""
    w, s, slots = dict(state.weights), dict(state.statistics), dict(state.slots)
    optimizer = _adam("dcgan")

    def discriminator_loss(weights: list[Array]) -> tuple[Array, tuple]:
        fakes, new_g = generator(w["generator"], s["generator"], noise[0])
        real, new_d = discriminator(weights, s["discriminator"], images)
        fake, new_d = discriminator(weights, new_d, fakes)
        return jnp.mean(nn.softplus(-real)) + jnp.mean(nn.softplus(fake)), (new_g, new_d)

    def generator_loss(weights: list[Array]) -> tuple[Array, tuple]:
        fakes, new_g = generator(weights, s["generator"], noise[1])
        fake, new_d = discriminator(w["discriminator"], s["discriminator"], fakes)
        return jnp.mean(nn.softplus(-fake)), (new_g, new_d)

    losses = {}
    for name, loss_fn in (("discriminator", discriminator_loss), ("generator", generator_loss)):
        values, gradients = jax.value_and_grad(loss_fn, has_aux=True)(w[name])
        losses[name], (s["generator"], s["discriminator"]) = values
        changes, slots[name] = optimizer.update(gradients, slots[name])
        w[name] = optax.apply_updates(w[name], changes)
    return State(w, s, slots, _add(state.sums, losses), state.key)


def update_vae(state: State, images: Array, noise: Sequence[Array]) -> State:
    """One step up the evidence lower bound."""

    def negative_elbo(weights: dict[str, list[Array]]) -> tuple[Array, dict[str, Array]]:
        mean, log_variance = jnp.split(encoder(weights["encoder"], images), 2, -1)
        scale = jnp.exp(0.5 * log_variance)
        logits = decoder(weights["decoder"], mean + scale * noise[0])
        x = (images + 1.0) / 2.0
        reconstruction = jnp.mean(jnp.sum(nn.softplus(logits) - x * logits, (1, 2, 3)))
        kl = jnp.mean(0.5 * jnp.sum(scale**2 + mean**2 - 1.0 - log_variance, -1))
        return reconstruction + kl, {"reconstruction": reconstruction, "kl": kl}

    (loss, rest), gradients = jax.value_and_grad(negative_elbo, has_aux=True)(state.weights)
    changes, slots = _adam("vae").update(gradients, state.slots)
    weights = optax.apply_updates(state.weights, changes)
    return State(weights, state.statistics, slots, _add(state.sums, {"loss": loss} | rest), state.key)


class JaxTwin(common.Twin):
    """The state, and the compiled step that replaces it."""

    def __init__(self, model: str) -> None:
        names = {"dcgan": ("generator", "discriminator"), "vae": ("encoder", "decoder")}[model]
        losses = {"dcgan": ("discriminator", "generator"), "vae": ("loss", "reconstruction", "kl")}
        self.model, self.losses = model, losses[model]
        self.count = 0
        self._update = {"dcgan": update_dcgan, "vae": update_vae}[model]
        self._step = _compile(self._update, *common.DRAWS[model])
        self.load({name: common.initial(name) for name in names})

    def load(self, weights: Mapping[str, common.Weights]) -> None:
        """See `Twin.load`."""
        trained = {name: [jnp.array(w) for w in weights[name].trained] for name in weights}
        statistics = {name: [jnp.array(w) for w in weights[name].statistics] for name in weights}
        optimizer = _adam(self.model)
        if self.model == "dcgan":
            slots = {name: optimizer.init(trained[name]) for name in trained}
        else:
            slots = optimizer.init(trained)
        self.state = State(trained, statistics, slots, self._zeros(), jax.random.key(0))
        self.count = 0

    def step(self, images: np.ndarray) -> None:
        """See `Twin.step`."""
        self.state = self._step(self.state, images)
        self.count += 1

    def means(self) -> dict[str, float]:
        """See `Twin.means`."""
        means = {name: float(total) / self.count for name, total in self.state.sums.items()}
        self.state, self.count = self.state._replace(sums=self._zeros()), 0
        return means

    def update(self, images: np.ndarray, noise: Sequence[np.ndarray]) -> float:
        """See `Twin.update`."""
        self.state = self._update(self.state, jnp.array(images), [jnp.array(z) for z in noise])
        self.count += 1
        return self.means()[self.losses[0]]

    def _zeros(self) -> dict[str, Array]:
        return {name: jnp.zeros(()) for name in self.losses}


def build(model: str, jit: bool) -> JaxTwin:
    """Makes the twin of "dcgan" or "vae"; JAX is always compiled."""
    if not jit:
        raise ValueError("the JAX version is compiled: expected jit=True")
    return JaxTwin(model)


def _compile(update: Callable[..., State], draws: int, size: int) -> Callable[..., State]:
    @partial(jax.jit, donate_argnums=0)
    def step(state: State, images: Array) -> State:
        key, *keys = jax.random.split(state.key, 1 + draws)
        noise = [jax.random.normal(k, (len(images), size)) for k in keys]
        return update(state._replace(key=key), images, noise)

    return step


def _adam(model: str) -> optax.GradientTransformation:
    rate, beta_1 = common.ADAM[model]
    return optax.adam(rate, b1=beta_1, b2=common.BETA_2, eps=common.EPSILON)


def _add(sums: dict[str, Array], losses: dict[str, Array]) -> dict[str, Array]:
    return {name: sums[name] + losses[name] for name in sums}
