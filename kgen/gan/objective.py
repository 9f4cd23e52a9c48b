"""What the two players of a GAN minimise, and what the discriminator is shown."""

from typing import Any, NamedTuple

import keras
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.core.inputs import run
from kgen.gan.augment import Moment
from kgen.gan.critic import Critic, pack


class Fakes(NamedTuple):
    """Generated examples, and what they were made of."""

    examples: Tensor
    latents: Tensor
    conditions: dict[str, Tensor]

    @property
    def labels(self) -> Tensor | None:
        """Those among the conditions, int32 `(batch,)`."""
        return self.conditions.get("labels")


class ObjectiveMixin:
    """The losses of a GAN: `discriminator_loss`, `generator_loss`, and `judge`."""

    def discriminator_loss(self, real: Tensor, y: Any = None, training: bool = True) -> Tensor:
        """The discriminator's loss, a scalar, on a real batch and as many fresh fakes.

        The conditions y are as `fit` takes them.
        """
        return self.discriminator_terms(real, y, training)[0]

    def discriminator_terms(
        self, real: Tensor, y: Any = None, training: bool = True
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The discriminator's loss, and what is to be known of it, scalars.

        These are "penalty", what the penalties add to the loss, and "overfit", E[sign(D(x))] over
        the real examples.
        """
        fakes = self.fakes(real, y, training)
        fake = ops.stop_gradient(fakes.examples)
        if self.pool_size and training:
            fake = self.pool.exchange(fake, self.random.next_keys(like=real))
        critic = Critic(self.discriminator, fakes.conditions, training)
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

    def generator_loss(self, real: Tensor, y: Any = None, training: bool = True) -> Tensor:
        """The generator's loss, a scalar, on as many fresh fakes as there are real examples."""
        fakes = self.fakes(real, y, training)
        critic = Critic(self.discriminator, fakes.conditions, training and not self.frozen_judge)
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

    def judge(self, real: Tensor, y: Any = None, training: bool = False) -> tuple[Tensor, Tensor]:
        """The logits of real examples and of as many fresh fakes, `(batch / packing, 1)` each.

        Examples too few for a last pack are left out.
        """
        used = real.shape[0] - real.shape[0] % self.packing
        real = real[:used]
        y = None if y is None else keras.tree.map_structure(lambda value: value[:used], y)
        fakes = self.fakes(real, y, training)
        critic = Critic(self.discriminator, fakes.conditions, training)
        return tuple(critic(self.shown(x, training)) for x in (real, fakes.examples))

    def fakes(self, real: Tensor, y: Any, training: bool) -> Fakes:
        """As many fresh fakes as there are real examples, of the same conditions."""
        keys = self.random.next_keys(like=real)
        latents = self.prior.sample(keys)
        named = self.data_conditions.of_batch(y)
        if self.draws_labels:
            labels = kgen.random.randint(kgen.random.fold_in(keys, 1), 0, self.classes)
            named = {"labels": labels, **named}
        examples = run(self.generator, latents, named, self.conditions.names, training)
        return Fakes(examples, latents, named)

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
