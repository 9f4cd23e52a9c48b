"""The GAN: a generator and a discriminator, each with its own optimizer."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kgen.backend import Tensor
from kgen.core import Conditions, GenerativeModel
from kgen.core.check import check_network
from kgen.distributions import StandardNormal
from kgen.gan.augment import Adaptive, Augmentation
from kgen.gan.auxiliary import Auxiliary
from kgen.gan.checks import check_kinds, check_networks, check_numbers, check_packs, check_penalties
from kgen.gan.history import HistoryPool
from kgen.gan.losses import AdversarialLoss, NonSaturating
from kgen.gan.objective import ObjectiveMixin
from kgen.gan.penalties import Penalty
from kgen.gan.sampling import SamplingMixin
from kgen.gan.unrolling import Unrolling


@keras.saving.register_keras_serializable("kgen")
class GAN(SamplingMixin, ObjectiveMixin, GenerativeModel):
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
        generator: functional, of latents `(batch, ...)` or [latents, conditions...], to examples,
            images in [-1, 1]. Conditions are inputs by name: "labels", and whatever else it takes.
        discriminator: functional, of examples or [examples, conditions...], to logits `(batch, 1)` or
            [logits, auxiliary outputs]; its conditions are among the generator's.
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
        temperature: by which the latents of `sample`, `generate` and exports are multiplied; below 1
            for likelier and less varied samples. Training draws at 1.

    `call` maps latents, or [latents, conditions...], to examples. The logs are "discriminator_loss"
    (with the penalties), "generator_loss", and where there are any "penalty" and "augment_probability".

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
        temperature: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_network("generator", generator)
        check_network("discriminator", discriminator)
        check_kinds(loss, penalties, prior, augment, adaptive, unrolling, auxiliary)
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
        self.temperature = temperature
        check_numbers(self)
        check_networks(self)
        self.conditions = Conditions.of(generator, classes=classes)
        check_penalties(self)
        self.ema = self.average(generator, ema_decay)
        self._add_state()
        self._add_logs()

    def _add_state(self) -> None:
        """Adds what training remembers, besides the networks: saved with them."""
        count = {"shape": (), "trainable": False, "initializer": "zeros"}
        self.steps = self.add_weight(dtype="int", name="discriminator_steps", **count)
        if self.adaptive is not None:
            self.probability = self.add_weight(dtype="float32", name="augment_probability", **count)
        if self.pool_size:
            self.pool = HistoryPool(self.pool_size, self.generator.output_shape[1:])

    def _add_logs(self) -> None:
        self.track("discriminator_loss", "generator_loss")
        if self.penalties:
            self.track("penalty")
        if self.adaptive is not None:
            self.track("augment_probability")

    @property
    def parts(self) -> dict[str, keras.Layer]:
        """The discriminator and the generator."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    @property
    def data_shape(self) -> tuple[int | None, ...]:
        """The shape of one example."""
        return self.generator.output_shape[1:]

    @property
    def draws_labels(self) -> bool:
        """Whether the model draws the labels itself, and the data has none."""
        drawn = self.auxiliary is not None and self.auxiliary.draws_labels
        return self.classes is not None and drawn

    @property
    def data_conditions(self) -> Conditions:
        """The generator's conditions, without labels that the model draws itself."""
        names = [name for name in self.conditions.names if not (name == "labels" and self.draws_labels)]
        return self.conditions.only(names)

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """Maps latents, or [latents, conditions...], to examples, with the weights of the last step."""
        return self.generator(inputs, training=training)

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Trains as `keras.Model.fit` does, after a look at the data, the labels and the packs."""
        check_packs(x, self.packing, args[0] if args else kwargs.get("batch_size"))
        return super().fit(x, y, *args, **kwargs)

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Takes `critic_steps` discriminator steps and one generator step."""
        real, y = self.unpack(data)
        for _ in range(self.critic_steps):
            d_loss, report = self.minimize(lambda: self.discriminator_terms(real, y), "discriminator")
            self._after_step(real, report)
        g_loss = self.minimize(lambda: self.generator_loss(real, y), "generator")
        return self._log(d_loss, g_loss, report)

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Evaluates both losses in inference mode, without penalties and augmentations."""
        real, y = self.unpack(data)
        d_loss, report = self.discriminator_terms(real, y, training=False)
        return self._log(d_loss, self.generator_loss(real, y, training=False), report)

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
