"""The GAN: a generator and a discriminator, each with its own optimizer."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.core import EMA, GenerativeModel, endpoint
from kgen.distributions import StandardNormal
from kgen.gan.augment import Adaptive, Augmentation, Moment
from kgen.gan.auxiliary import Auxiliary
from kgen.gan.checks import (
    check_fit,
    check_labels,
    check_networks,
    check_numbers,
    check_penalties,
    need_labels,
)
from kgen.gan.critic import Critic, pack, takes_labels
from kgen.gan.history import HistoryPool
from kgen.gan.losses import AdversarialLoss, NonSaturating
from kgen.gan.penalties import Penalty
from kgen.gan.unrolling import Unrolling


class Fakes(NamedTuple):
    """Generated examples, and what they were made of."""

    examples: Tensor
    latents: Tensor
    labels: Tensor | None


@keras.saving.register_keras_serializable("kgen")
class GAN(GenerativeModel):
    """Trains a generator against a discriminator.

    Any loss goes with any penalties, augmentations and labels:

    | | loss | penalties | networks |
    |---|---|---|---|
    | GAN | `NonSaturating()` | | |
    | LSGAN | `LeastSquares()` | | |
    | WGAN | `Wasserstein()` | `WeightClipping()` | `critic_steps=5` |
    | WGAN-GP | `Wasserstein()` | `GradientPenalty()` | `critic_steps=5`, no BatchNorm in the critic |
    | DRAGAN | `NonSaturating()` | `Dragan()` | |
    | SNGAN | `Hinge()` | | `kgen.layers.SpectralNormalization` in the discriminator |
    | R3GAN | `RelativisticPairing()` | `R1(), R2()` | no normalisation |
    | PacGAN2 | any | | `packing=2`, a discriminator of two examples side by side |
    | conditional | any | | `classes`, both `kgen.networks.with_labels` |
    | projection | `Hinge()` | | `classes`, the discriminator `kgen.networks.with_projection` |
    | AC-GAN | any | | `classes`, `auxiliary=Classifier()`, `kgen.networks.with_auxiliary` |
    | InfoGAN | any | | `auxiliary=MutualInformation()`, `kgen.networks.with_auxiliary` |

    The parts, for `compile(optimizer={...})`, are "discriminator" and "generator".

    Args:
        generator: functional, of latents `(batch, ...)` or [latents, labels], to examples, images in
            [-1, 1].
        discriminator: functional, of examples or [examples, labels], to logits `(batch, 1)` or
            [logits, auxiliary outputs].
        loss: an object of `kgen.gan.losses`; None: `NonSaturating()`.
        penalties: objects of `kgen.gan.penalties`, in training only.
        prior: distribution of the latents; None: a standard normal of the generator's input shape.
        critic_steps: discriminator updates for each generator update, on the same real batch with
            fresh noise.
        packing: how many examples the discriminator sees side by side, in their last axis.
        joint_batch: whether the discriminator sees real and fake examples in one batch. Apart
            (False), its BatchNorm layers normalise each by its own statistics, which is what DCGAN
            does and what keeps early training stable; together they share them.
        frozen_judge: whether the discriminator runs in inference mode in the generator's step: then
            its BatchNorm layers use and keep their moving statistics, and its Dropout rests.
        augment: objects of `kgen.gan.augment`, applied in training to real and fake examples.
        adaptive: None: every augmentation always; or `Adaptive()`: as often as needed.
        pool_size: 0, or how many past fakes are kept and shown to the discriminator again.
        unrolling: None, or `Unrolling()`: the generator looks some discriminator steps ahead.
        classes: how many labels there are, where the generator takes labels.
        auxiliary: what the discriminator's second head learns, an object of `kgen.gan.auxiliary`.
        ema_decay: None, or the decay of an average of the generator; `sample` and `export` use it.

    `call` maps latents, or [latents, labels], to examples. The logs are "discriminator_loss" (with the
    penalties), "generator_loss", and where there are any "penalty" and "augment_probability".

    Source: "Generative Adversarial Nets" (Goodfellow et al., 2014), algorithm 1.

    Raises ValueError for networks that do not fit each other or the arguments, and for a penalty that
    the loss forbids; warns of BatchNorm under a penalty of the slope.

    >>> import kgen
    >>> model = GAN(kgen.networks.mlp(2, 2), kgen.networks.mlp(2, 1))
    >>> model.compile(keras.optimizers.Adam(1e-3, beta_1=0.5))
    >>> history = model.fit(kgen.data.load("ring8", size=256).x, epochs=1, verbose=0)
    >>> model.sample(5, seed=0).shape
    (5, 2)
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        loss: AdversarialLoss | None = None,
        penalties: Sequence[Penalty] = (),
        prior: Any = None,
        critic_steps: int = 1,
        packing: int = 1,
        joint_batch: bool = False,
        frozen_judge: bool = False,
        augment: Sequence[Augmentation] = (),
        adaptive: Adaptive | None = None,
        pool_size: int = 0,
        unrolling: Unrolling | None = None,
        classes: int | None = None,
        auxiliary: Auxiliary | None = None,
        ema_decay: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.generator = generator
        self.discriminator = discriminator
        self.loss = loss if loss is not None else NonSaturating()
        self.penalties = tuple(penalties)
        self.prior = prior if prior is not None else StandardNormal(generator.inputs[0].shape[1:])
        self.critic_steps = critic_steps
        self.packing = packing
        self.joint_batch = joint_batch
        self.frozen_judge = frozen_judge
        self.augment = tuple(augment)
        self.adaptive = adaptive
        self.pool_size = pool_size
        self.unrolling = unrolling
        self.classes = classes
        self.auxiliary = auxiliary
        self.ema_decay = ema_decay
        check_numbers(self)
        check_networks(self)
        check_penalties(self)
        self.ema = EMA(generator, ema_decay) if ema_decay is not None else None
        self._add_state()
        self.track("discriminator_loss", "generator_loss")
        if self.penalties:
            self.track("penalty")
        if adaptive is not None:
            self.track("augment_probability")

    def _add_state(self) -> None:
        """Adds what training remembers, besides the networks: saved with them."""
        count = {"shape": (), "trainable": False, "initializer": "zeros"}
        self.steps = self.add_weight(dtype="int", name="discriminator_steps", **count)
        if self.adaptive is not None:
            self.probability = self.add_weight(dtype="float32", name="augment_probability", **count)
        if self.pool_size:
            self.pool = HistoryPool(self.pool_size, self.generator.output_shape[1:])

    @property
    def parts(self) -> dict[str, keras.Layer]:
        """The discriminator and the generator."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    @property
    def data_shape(self) -> tuple[int | None, ...]:
        """The shape of one example."""
        return self.generator.output_shape[1:]

    @property
    def needs_labels(self) -> bool:
        """Whether the data must have labels."""
        drawn = self.auxiliary is not None and self.auxiliary.draws_labels
        return self.classes is not None and not drawn

    @property
    def endpoints(self) -> dict[str, dict[str, keras.InputSpec]]:
        """`generate` of seeds, `discriminate` of examples; of labels, where the network takes them."""
        labels = {"labels": keras.InputSpec(shape=(None,), dtype="int32")}
        told = {name: labels if takes_labels(part) else {} for name, part in self.parts.items()}
        examples = keras.InputSpec(shape=self.discriminator.inputs[0].shape, dtype="float32")
        return {
            "generate": super().endpoints["generate"] | told["generator"],
            "discriminate": {"x": examples} | told["discriminator"],
        }

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Maps latents, or [latents, labels], to examples, with the weights of the last step."""
        return self.generator(inputs, training=training)

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does, after a look at the data, the labels and the packs."""
        check_fit(self, x, y, args[0] if args else kwargs.get("batch_size"))
        return super().fit(x, y, *args, **kwargs)

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Takes `critic_steps` discriminator steps and one generator step."""
        real, labels = self._unpack(data)
        for _ in range(self.critic_steps):
            d_loss, report = self.minimize(
                lambda: self.discriminator_terms(real, labels), "discriminator"
            )
            self._after_step(real, report)
        g_loss = self.minimize(lambda: self.generator_loss(real, labels), "generator")
        if self.ema is not None:
            self.ema.update()
        return self._log(d_loss, g_loss, report)

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Evaluates both losses in inference mode, without penalties and augmentations."""
        real, labels = self._unpack(data)
        d_loss, report = self.discriminator_terms(real, labels, training=False)
        return self._log(d_loss, self.generator_loss(real, labels, training=False), report)

    def discriminator_loss(
        self, real: Tensor, labels: Tensor | None = None, training: bool = True
    ) -> Tensor:
        """The discriminator's loss, a scalar, on a real batch and as many fresh fakes."""
        return self.discriminator_terms(real, labels, training)[0]

    def discriminator_terms(
        self, real: Tensor, labels: Tensor | None = None, training: bool = True
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The discriminator's loss, and what is to be known of it, scalars.

        These are "penalty", what the penalties add to the loss, and "overfit", E[sign(D(x))] over
        the real examples.
        """
        fakes = self.fakes(real, labels, training)
        fake = ops.stop_gradient(fakes.examples)
        if self.pool_size and training:
            fake = self.pool.exchange(fake, self.random.next_keys(like=real))
        critic = Critic(self.discriminator, fakes.labels, training)
        real, fake = self.shown(real, training), self.shown(fake, training)
        if self.joint_batch:
            of_real, of_fake = critic.judge_together(real, fake)
        else:
            of_real, of_fake = critic.judge(real), critic.judge(fake)
        loss = self.loss.discriminator(of_real.logits, of_fake.logits)
        if self.auxiliary is not None:
            heads = of_real.auxiliary, of_fake.auxiliary
            loss = loss + self.auxiliary.discriminator(*heads, fakes.labels, fakes.latents)
        penalty = self._penalty(critic, real, fake) if training else ops.zeros(())
        overfit = ops.mean(ops.sign(of_real.logits))
        return loss + penalty, {"penalty": penalty, "overfit": overfit}

    def generator_loss(
        self, real: Tensor, labels: Tensor | None = None, training: bool = True
    ) -> Tensor:
        """The generator's loss, a scalar, on as many fresh fakes as there are real examples."""
        fakes = self.fakes(real, labels, training)
        critic = Critic(self.discriminator, fakes.labels, training and not self.frozen_judge)
        real, fake = self.shown(real, training), self.shown(fakes.examples, training)

        def play() -> Tensor:
            judged = critic.judge(fake)
            loss = self.loss.generator(judged.logits, critic(real) if self.loss.needs_real else None)
            if self.auxiliary is None:
                return loss
            return loss + self.auxiliary.generator(judged.auxiliary, fakes.labels, fakes.latents)

        if self.unrolling is None or not training:
            loss = play()
        else:
            loss = self.unrolling(
                self.discriminator, lambda: self.loss.discriminator(critic(real), critic(fake)), play
            )
        return loss + sum((p.generator(self.generator) for p in self.penalties if training), 0.0)

    def judge(
        self, real: Tensor, labels: Tensor | None = None, training: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The logits of real examples and of as many fresh fakes, `(batch / packing, 1)` each.

        Examples too few for a last pack are left out.
        """
        used = real.shape[0] - real.shape[0] % self.packing
        real, labels = real[:used], None if labels is None else labels[:used]
        fakes = self.fakes(real, labels, training)
        critic = Critic(self.discriminator, fakes.labels, training)
        return tuple(critic(self.shown(x, training)) for x in (real, fakes.examples))

    @endpoint
    def decode(self, latents: Tensor, *labels: Tensor) -> Tensor:
        """Maps latents `(batch, ...)` to examples, with the averaged weights where there are any."""
        network = self.generator if self.ema is None else self.ema.average
        inputs = [latents, *labels] if labels else latents
        return ops.cast(network(inputs, training=False), "float32")

    @endpoint
    def generate(self, seed: Tensor, *labels: Tensor) -> Tensor:
        """Turns keys, int32 `(batch, 2)`, and labels where there are any, into samples."""
        return self.decode(self.prior.sample(seed), *labels)

    @endpoint
    def discriminate(self, x: Tensor, *labels: Tensor) -> Tensor:
        """Gives the logits `(batch, 1)` of examples, with their labels where the network takes them."""
        return Critic(self.discriminator, *labels, training=False)(x)

    def sample(
        self, n: int, labels: Any = None, seed: int | None = None, batch_size: int = 256
    ) -> np.ndarray:
        """Draws `n` samples, with the averaged weights where the model keeps an average.

        Args:
            n: how many, at least 1.
            labels: where the generator takes them, one for all or one each; None: sample i is of the
                class i % classes.
            seed: the same seed gives the same samples, on every backend up to rounding, and sample i
                does not depend on `n`. None: fresh ones.
            batch_size: how many at once.

        Returns:
            float32 `(n, ...)`; images in [-1, 1].

        Raises:
            ValueError: for labels out of range, or where the generator takes none.
        """
        if self.classes is None:
            if labels is not None:
                raise ValueError("the generator takes no labels: see kgen.networks.with_labels")
            return super().sample(n, seed, batch_size)
        if n < 1:
            raise ValueError(f"expected n >= 1 samples, got {n}")
        labels = np.arange(n) % self.classes if labels is None else np.asarray(labels)
        labels = np.broadcast_to(labels, (n,))
        check_labels(labels, self.classes)
        keys = kgen.random.keys(seed, n)
        return self.generate(keys, labels.astype("int32"), batch_size=min(batch_size, n))

    def _unpack(self, data: Any) -> tuple[Tensor, Tensor | None]:
        real, condition = self.unpack(data)
        if not self.needs_labels:
            return real, None
        return real, ops.cast(need_labels(condition, self.classes), "int32")

    def fakes(self, real: Tensor, labels: Tensor | None, training: bool) -> Fakes:
        """As many fresh fakes as there are real examples, of the same labels."""
        keys = self.random.next_keys(like=real)
        latents = self.prior.sample(keys)
        if self.classes is not None and not self.needs_labels:
            labels = kgen.random.randint(kgen.random.fold_in(keys, 1), 0, self.classes)
        inputs = latents if labels is None else [latents, labels]
        return Fakes(self.generator(inputs, training=training), latents, labels)

    def shown(self, x: Tensor, training: bool) -> Tensor:
        """What the discriminator sees of examples: augmented in training, in packs."""
        x = ops.cast(x, "float32")
        if training:
            probability = None if self.adaptive is None else self.probability.value
            moment = Moment(probability, self.steps.value)
            for augmentation in self.augment:
                x = augmentation(x, self.random.next_keys(like=x), moment)
        return pack(x, self.packing)

    def _penalty(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        total = ops.zeros(())
        for penalty in self.penalties:
            value = penalty.discriminator(critic, real, fake, self.random.next_keys(like=real))
            if penalty.every > 1:
                due = ops.equal(self.steps % penalty.every, 0)
                value = ops.cast(due, "float32") * penalty.every * value
            total = total + value
        return total

    def _after_step(self, real: Tensor, report: dict[str, Tensor]) -> None:
        """What follows a discriminator step: constraints, and the state of training."""
        for penalty in self.penalties:
            penalty.constrain(self.discriminator)
        if self.adaptive is not None:
            batch = ops.shape(real)[0]
            moved = self.adaptive.move(self.probability.value, report["overfit"], batch)
            self.probability.assign(moved)
        self.steps.assign(self.steps + 1)

    def _log(self, d_loss: Tensor, g_loss: Tensor, report: dict[str, Tensor]) -> dict[str, Tensor]:
        values = {"discriminator_loss": d_loss, "generator_loss": g_loss}
        if self.penalties:
            values["penalty"] = report["penalty"]
        if self.adaptive is not None:
            values["augment_probability"] = self.probability.value
        return self.update_metrics(**values)
