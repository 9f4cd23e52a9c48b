"""The GAN: a generator and a discriminator, each with its own optimizer."""

from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.core import EMA, GenerativeModel, endpoint
from kgen.distributions import StandardNormal
from kgen.gan.losses import NonSaturating


@keras.saving.register_keras_serializable("kgen")
class GAN(GenerativeModel):
    """Trains a generator against a discriminator.

    The parts, for `compile(optimizer={...})`, are "discriminator" and "generator".

    Args:
        generator: built; latents `(batch, ...)` to examples, images in [-1, 1].
        discriminator: built; examples to logits `(batch, 1)`.
        loss: an object of `kgen.gan.losses`; None: `NonSaturating()`.
        prior: distribution of the latents; None: a standard normal of the generator's input shape.
        critic_steps: discriminator updates for each generator update, on the same real batch with
            fresh noise.
        joint_batch: whether the discriminator sees real and fake examples in one batch. Apart
            (False), its BatchNorm layers normalise each by its own statistics, which is what DCGAN
            does and what keeps early training stable; together they share them.
        ema_decay: None, or the decay of an average of the generator; `sample` and `export` use it.

    `call` maps latents to examples.

    Source: "Generative Adversarial Nets" (Goodfellow et al., 2014), algorithm 1.

    >>> import kgen
    >>> model = GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1))
    >>> model.compile(keras.optimizers.Adam(1e-3, beta_1=0.5))
    >>> history = model.fit(kgen.data.load("ring8", size=256).x, epochs=1, verbose=0)
    >>> model.sample(5, seed=0).shape
    (5, 2)
    """

    def __init__(
        self,
        generator: keras.Layer,
        discriminator: keras.Layer,
        loss: Any = None,
        prior: Any = None,
        critic_steps: int = 1,
        joint_batch: bool = False,
        ema_decay: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if critic_steps < 1:
            raise ValueError(f"expected critic_steps >= 1, got {critic_steps}")
        if generator.output_shape[1:] != discriminator.input_shape[1:]:
            raise ValueError(
                f"the generator makes examples of shape {generator.output_shape[1:]}, the "
                f"discriminator takes {discriminator.input_shape[1:]}: make them equal"
            )
        self.generator = generator
        self.discriminator = discriminator
        self.loss = loss if loss is not None else NonSaturating()
        self.prior = prior if prior is not None else StandardNormal(generator.input_shape[1:])
        self.critic_steps = critic_steps
        self.joint_batch = joint_batch
        self.ema_decay = ema_decay
        self.ema = EMA(generator, ema_decay) if ema_decay is not None else None
        self.track("discriminator_loss", "generator_loss")

    @property
    def parts(self) -> dict[str, keras.Layer]:
        """The discriminator and the generator."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    @property
    def data_shape(self) -> tuple[int | None, ...]:
        """The shape of one example."""
        return self.discriminator.input_shape[1:]

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Maps latents to examples, with the weights of the last step."""
        return self.generator(inputs, training=training)

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Takes `critic_steps` discriminator steps and one generator step."""
        real, _ = self.unpack(data)
        for _ in range(self.critic_steps):
            d_loss = self.minimize(lambda: self.discriminator_loss(real), "discriminator")
        g_loss = self.minimize(lambda: self.generator_loss(real), "generator")
        if self.ema is not None:
            self.ema.update()
        return self.update_metrics(discriminator_loss=d_loss, generator_loss=g_loss)

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Evaluates both losses in inference mode."""
        real, _ = self.unpack(data)
        return self.update_metrics(
            discriminator_loss=self.discriminator_loss(real, training=False),
            generator_loss=self.generator_loss(real, training=False),
        )

    def discriminator_loss(self, real: Tensor, training: bool = True) -> Tensor:
        """The discriminator's loss, a scalar, on a real batch and as many fresh fakes."""
        fake = ops.stop_gradient(self._fake(real, training))
        if self.joint_batch:
            both = self.discriminator(ops.concatenate([real, fake]), training=training)
            real_logits, fake_logits = ops.split(both, 2)
        else:
            real_logits = self.discriminator(real, training=training)
            fake_logits = self.discriminator(fake, training=training)
        return self.loss.discriminator(real_logits, fake_logits)

    def generator_loss(self, real: Tensor, training: bool = True) -> Tensor:
        """The generator's loss, a scalar, on as many fresh fakes as there are real examples."""
        fake = self._fake(real, training)
        return self.loss.generator(self.discriminator(fake, training=training))

    @endpoint
    def decode(self, latents: Tensor) -> Tensor:
        """Maps latents `(batch, ...)` to examples, with the averaged weights where there are any."""
        network = self.generator if self.ema is None else self.ema.average
        return ops.cast(network(latents, training=False), "float32")

    @endpoint
    def generate(self, seed: Tensor) -> Tensor:
        """Turns keys, int32 `(batch, 2)`, into samples, one from each key."""
        return self.decode(self.prior.sample(seed))

    def _fake(self, real: Tensor, training: bool) -> Tensor:
        return self.generator(self.prior.sample(self.random.next_keys(like=real)), training=training)
