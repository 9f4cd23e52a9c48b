"""The DCGAN and the VAE in bare TensorFlow: variables, `tf.nn`, GradientTape, one `tf.function`.

Adam is `ResourceApplyAdam`, TensorFlow's fused update of one variable, which XLA knows too.
"""

from collections.abc import Callable, Mapping, Sequence

import engine_common as common
import numpy as np
import tensorflow as tf

Tensor = tf.Tensor


class Network(tf.Module):
    """A network's variables: what is trained, and BatchNorm's moving statistics."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        weights = common.initial(name)
        self.trained = [tf.Variable(w) for w in weights.trained]
        self.statistics = [tf.Variable(w, trainable=False) for w in weights.statistics]


class Adam(tf.Module):
    """Adam for a fixed list of variables."""

    def __init__(self, model: str, variables: Sequence[tf.Variable]) -> None:
        super().__init__()
        self.rate, self.beta_1 = common.ADAM[model]
        self.variables_ = variables
        self.slots = [
            [tf.Variable(tf.zeros_like(w), trainable=False) for w in variables] for _ in range(2)
        ]
        self.powers = [tf.Variable(b, trainable=False) for b in (self.beta_1, common.BETA_2)]

    def apply(self, gradients: Sequence[Tensor]) -> None:
        """Takes one step."""
        power_1, power_2 = (power.read_value() for power in self.powers)
        for w, m, v, gradient in zip(self.variables_, *self.slots, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                **{"var": w.handle, "m": m.handle, "v": v.handle, "grad": gradient},
                **{"beta1_power": power_1, "beta2_power": power_2, "lr": self.rate},
                **{"beta1": self.beta_1, "beta2": common.BETA_2, "epsilon": common.EPSILON},
            )
        self.powers[0].assign(power_1 * self.beta_1)
        self.powers[1].assign(power_2 * common.BETA_2)

    def reset(self) -> None:
        """Forgets all steps."""
        for slot in (*self.slots[0], *self.slots[1]):
            slot.assign(tf.zeros_like(slot))
        self.powers[0].assign(self.beta_1)
        self.powers[1].assign(common.BETA_2)


def conv(x: Tensor, kernel: Tensor) -> Tensor:
    return tf.nn.conv2d(x, kernel, 2, "SAME")


def conv_transpose(x: Tensor, kernel: Tensor) -> Tensor:
    batch, height, width, _ = x.shape
    shape = (batch, 2 * height, 2 * width, kernel.shape[2])
    return tf.nn.conv2d_transpose(x, kernel, shape, 2, "SAME")


def batch_norm(x: Tensor, scale: Tensor, offset: Tensor, statistics: Sequence[tf.Variable]) -> Tensor:
    """Normalises by the batch and moves the statistics."""
    x, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, scale, offset, epsilon=common.BN_EPSILON)
    for old, new in zip(statistics, (mean, variance), strict=True):
        old.assign(common.MOMENTUM * old + (1.0 - common.MOMENTUM) * new)
    return x


def generator(network: Network, latents: Tensor) -> Tensor:
    dense, scale_1, offset_1, up_1, scale_2, offset_2, up_2, bias = network.trained
    x = tf.reshape(latents @ dense, (-1, *common.COARSE))
    x = tf.nn.relu(batch_norm(x, scale_1, offset_1, network.statistics[:2]))
    x = tf.nn.relu(batch_norm(conv_transpose(x, up_1), scale_2, offset_2, network.statistics[2:]))
    return tf.tanh(conv_transpose(x, up_2) + bias)


def discriminator(network: Network, images: Tensor) -> Tensor:
    down_1, bias_1, down_2, scale, offset, dense, bias_2 = network.trained
    x = tf.nn.leaky_relu(conv(images, down_1) + bias_1, 0.2)
    x = tf.nn.leaky_relu(batch_norm(conv(x, down_2), scale, offset, network.statistics), 0.2)
    return tf.reshape(x, (-1, dense.shape[0])) @ dense + bias_2


def encoder(network: Network, images: Tensor) -> Tensor:
    down_1, bias_1, down_2, bias_2, dense_1, bias_3, dense_2, bias_4 = network.trained
    x = tf.nn.relu(conv(images, down_1) + bias_1)
    x = tf.nn.relu(conv(x, down_2) + bias_2)
    return tf.nn.relu(tf.reshape(x, (-1, dense_1.shape[0])) @ dense_1 + bias_3) @ dense_2 + bias_4


def decoder(network: Network, latents: Tensor) -> Tensor:
    dense_1, bias_1, dense_2, bias_2, up_1, bias_3, up_2, bias_4 = network.trained
    x = tf.nn.relu(tf.nn.relu(latents @ dense_1 + bias_1) @ dense_2 + bias_2)
    x = tf.nn.relu(conv_transpose(tf.reshape(x, (-1, *common.COARSE)), up_1) + bias_3)
    return conv_transpose(x, up_2) + bias_4


class TensorFlowTwin(common.Twin, tf.Module):
    """What the two models share: networks, running means, and the compiled step."""

    model: str
    losses: tuple[str, ...]

    def __init__(self, names: Sequence[str], jit: bool) -> None:
        super().__init__()
        self.networks = {name: Network(name) for name in names}
        self.sums = tf.Variable(tf.zeros(len(self.losses)), trainable=False)
        self.count = 0
        self._step = tf.function(self._draw_and_train, jit_compile=jit, autograph=False)

    def step(self, images: np.ndarray) -> None:
        """See `Twin.step`."""
        self._step(tf.convert_to_tensor(images))
        self.count += 1

    def means(self) -> dict[str, float]:
        """See `Twin.means`."""
        values = (self.sums.numpy() / self.count).tolist()
        self._forget()
        return dict(zip(self.losses, values, strict=True))

    def update(self, images: np.ndarray, noise: Sequence[np.ndarray]) -> float:
        """See `Twin.update`."""
        self._train(tf.convert_to_tensor(images), [tf.convert_to_tensor(z) for z in noise])
        self.count += 1
        return self.means()[self.losses[0]]

    def load(self, weights: Mapping[str, common.Weights]) -> None:
        """See `Twin.load`."""
        for name, values in weights.items():
            network = self.networks[name]
            variables = [*network.trained, *network.statistics]
            for old, new in zip(variables, [*values.trained, *values.statistics], strict=True):
                old.assign(new)
        for optimizer in self.optimizers.values():
            optimizer.reset()
        self._forget()

    def _forget(self) -> None:
        self.sums.assign(tf.zeros(len(self.losses)))
        self.count = 0

    def _draw_and_train(self, images: Tensor) -> None:
        draws, size = common.DRAWS[self.model]
        self._train(images, [tf.random.normal((images.shape[0], size)) for _ in range(draws)])

    def _train(self, images: Tensor, noise: Sequence[Tensor]) -> None:
        raise NotImplementedError


class DCGAN(TensorFlowTwin):
    """One discriminator step and one generator step, each on fresh fakes."""

    model, losses = "dcgan", ("discriminator", "generator")

    def __init__(self, jit: bool) -> None:
        super().__init__(("generator", "discriminator"), jit)
        self.optimizers = {name: Adam("dcgan", net.trained) for name, net in self.networks.items()}

    def _train(self, images: Tensor, noise: Sequence[Tensor]) -> None:
        g, d = self.networks["generator"], self.networks["discriminator"]

        def discriminator_loss() -> Tensor:
            fakes = generator(g, noise[0])
            real, fake = discriminator(d, images), discriminator(d, fakes)
            return tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))

        def generator_loss() -> Tensor:
            return tf.reduce_mean(tf.nn.softplus(-discriminator(d, generator(g, noise[1]))))

        d_loss = _descend(discriminator_loss, d.trained, self.optimizers["discriminator"])
        g_loss = _descend(generator_loss, g.trained, self.optimizers["generator"])
        self.sums.assign_add(tf.stack([d_loss, g_loss]))


class VAE(TensorFlowTwin):
    """One step up the evidence lower bound."""

    model, losses = "vae", ("loss", "reconstruction", "kl")

    def __init__(self, jit: bool) -> None:
        super().__init__(("encoder", "decoder"), jit)
        trained = [w for network in self.networks.values() for w in network.trained]
        self.optimizers = {"both": Adam("vae", trained)}

    def _train(self, images: Tensor, noise: Sequence[Tensor]) -> None:
        report = []

        def negative_elbo() -> Tensor:
            mean, log_variance = tf.split(encoder(self.networks["encoder"], images), 2, -1)
            scale = tf.exp(0.5 * log_variance)
            logits = decoder(self.networks["decoder"], mean + scale * noise[0])
            x = (images + 1.0) / 2.0
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(x, logits)
            reconstruction = tf.reduce_sum(entropy) / images.shape[0]
            kl = 0.5 * tf.reduce_sum(scale**2 + mean**2 - 1.0 - log_variance) / images.shape[0]
            report[:] = [reconstruction, kl]
            return reconstruction + kl

        optimizer = self.optimizers["both"]
        loss = _descend(negative_elbo, optimizer.variables_, optimizer)
        self.sums.assign_add(tf.stack([loss, *report]))


def build(model: str, jit: bool) -> TensorFlowTwin:
    """Makes the twin of "dcgan" or "vae", with or without XLA."""
    return {"dcgan": DCGAN, "vae": VAE}[model](jit)


def _descend(
    loss_fn: Callable[[], Tensor], variables: Sequence[tf.Variable], optimizer: Adam
) -> Tensor:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        loss = loss_fn()
    optimizer.apply(tape.gradient(loss, variables))
    return loss
