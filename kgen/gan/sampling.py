"""What a trained GAN gives: samples, and the judgement of examples."""

from typing import Any

import keras
import numpy as np
from keras import ops

import kgen.random
from kgen.backend import Tensor
from kgen.core import endpoint
from kgen.core.check import check_temperature
from kgen.gan.critic import Critic, takes_labels
from kgen.gan.labels import labels_of_samples


class SamplingMixin:
    """`sample`, and the endpoints `generate`, `decode` and `discriminate` of a GAN."""

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

    @endpoint
    def decode(self, latents: Tensor, *labels: Tensor) -> Tensor:
        """Maps latents `(batch, ...)` to examples, with the averaged weights where there are any."""
        network = self.generator if self.ema is None else self.ema.average
        inputs = [latents, *labels] if labels else latents
        return ops.cast(network(inputs, training=False), "float32")

    @endpoint
    def generate(self, seed: Tensor, *labels: Tensor, temperature: float | None = None) -> Tensor:
        """Turns keys, int32 `(batch, 2)`, and labels where there are any, into samples.

        Args:
            seed: the keys.
            labels: int32 `(batch,)`.
            temperature: by which the latents are multiplied; None: the model's.
        """
        factor = self.temperature if temperature is None else temperature
        return self.decode(factor * self.prior.sample(seed), *labels)

    @endpoint
    def discriminate(self, x: Tensor, *labels: Tensor) -> Tensor:
        """Gives the logits `(batch, 1)` of examples, with their labels where the network takes them."""
        return Critic(self.discriminator, *labels, training=False)(x)

    def sample(
        self,
        n: int,
        labels: Any = None,
        seed: int | None = None,
        batch_size: int = 256,
        temperature: float | None = None,
    ) -> np.ndarray:
        """Draws `n` samples, with the averaged weights where the model keeps an average.

        Args:
            n: how many, at least 1.
            labels: where the generator takes them, one for all or one each; None: sample i is of the
                class i % classes.
            seed: the same seed gives the same samples, on every backend up to rounding, and sample i
                does not depend on `n`. None: fresh ones.
            batch_size: how many at once.
            temperature: by which the latents are multiplied: below 1 for likelier and less varied
                samples; None: the model's.

        Returns:
            float32 `(n, ...)`; images in [-1, 1].

        Raises:
            ValueError: for labels out of range, or where the generator takes none; for n < 1, or a
                temperature that is not positive.
        """
        if n < 1:
            raise ValueError(f"expected n >= 1 samples, got {n}")
        options: dict[str, Any] = {"batch_size": min(batch_size, n)}
        if temperature is not None:
            check_temperature(temperature)
            options["temperature"] = float(temperature)
        told = []
        if self.classes is not None:
            told = [labels_of_samples(labels, n, self.classes)]
        elif labels is not None:
            raise ValueError("the generator takes no labels: see kgen.networks.with_labels")
        return self.generate(kgen.random.keys(seed, n), *told, **options)
