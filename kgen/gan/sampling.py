"""What a trained GAN gives: samples, and the judgement of examples."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kgen.backend import Tensor
from kgen.core import endpoint, seeds
from kgen.core.check import check_temperature
from kgen.core.inputs import condition_names, run
from kgen.gan.critic import Critic


class SamplingMixin:
    """`sample`, and the endpoints `generate`, `decode` and `discriminate` of a GAN."""

    @property
    def endpoints(self) -> dict[str, dict[str, keras.InputSpec]]:
        """`generate` of seeds, `discriminate` of examples, and of the conditions that these take."""
        examples = keras.InputSpec(shape=self.discriminator.inputs[0].shape, dtype="float32")
        judged = self.conditions.only(condition_names(self.discriminator))
        return {
            "generate": seeds() | self.conditions.specs(),
            "discriminate": {"x": examples} | judged.specs(),
        }

    @endpoint
    def decode(self, latents: Tensor, *conditions: Tensor) -> Tensor:
        """Maps latents `(batch, ...)` to examples, with the averaged weights where there are any."""
        network = self.generator if self.ema is None else self.ema.average
        named = self.conditions.of_tensors(conditions)
        return ops.cast(run(network, latents, named, self.conditions.names), "float32")

    @endpoint
    def generate(self, seed: Tensor, *conditions: Tensor, temperature: float | None = None) -> Tensor:
        """Turns keys, int32 `(batch, 2)`, and the conditions into samples.

        Args:
            seed: the keys.
            conditions: in the order of the generator's inputs.
            temperature: by which the latents are multiplied; None: the model's.
        """
        factor = self.temperature if temperature is None else temperature
        return self.decode(factor * self.prior.sample(seed), *conditions)

    @endpoint
    def discriminate(self, x: Tensor, *conditions: Tensor) -> Tensor:
        """Gives the logits `(batch, 1)` of examples, and of the conditions that the network takes."""
        judged = self.conditions.only(condition_names(self.discriminator))
        return Critic(self.discriminator, judged.of_tensors(conditions), training=False)(x)

    def draw(
        self,
        keys: np.ndarray,
        given: dict[str, Any],
        batch_size: int,
        *,
        temperature: float | None = None,
    ) -> np.ndarray:
        """Draws a sample from each key; see `sample`.

        Args:
            keys: int32 `(n, 2)`.
            given: conditions by name.
            batch_size: how many at once.
            temperature: by which the latents are multiplied: below 1 for likelier and less varied
                samples; None: the model's.

        Raises ValueError for conditions that do not fit, and a temperature that is not positive.
        """
        options = {}
        if temperature is not None:
            check_temperature(temperature)
            options["temperature"] = float(temperature)
        arrays = self.conditions.arrays(len(keys), **given)
        return self.generate(keys, *arrays, batch_size=batch_size, **options)
