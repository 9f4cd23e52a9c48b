"""What a model may offer for the doctor to look at; no check asks of which family it is.

Array arguments and results are NumPy, except where a layer is called.
"""

from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Samples(Protocol):
    """Draws samples."""

    def sample(self, n: int, seed: int | None = None) -> np.ndarray:
        """Gives `(n, ...)`."""


@runtime_checkable
class Adversarial(Protocol):
    """Trains a discriminator by a loss of logits."""

    needs_labels: bool
    """Whether `judge` needs labels."""
    loss: Any
    """With `discriminator(real_logits, fake_logits)` and `generator(fake_logits, real_logits)`."""

    def judge(self, real: Any, labels: Any, training: bool) -> tuple[Any, Any]:
        """Gives the logits of real examples and of as many fakes: tensors in and out."""


@runtime_checkable
class HasPosterior(Protocol):
    """Infers latents."""

    def posterior(self, x: Any, training: bool = False) -> Any:
        """Gives the distribution q(z|x)."""

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Gives the means of q(z|x), `(n, latent_dim)`."""


@runtime_checkable
class HasCodebook(Protocol):
    """Describes examples by codes of a finite book."""

    def code_usage(self, x: np.ndarray) -> np.ndarray:
        """Counts how often the examples use each code: integers `(codes,)`."""


@runtime_checkable
class Guided(Protocol):
    """Is guided from an unconditional output towards a conditional one."""

    def guidance_outputs(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Gives both outputs, conditional first, for the same n inputs: `(n, ...)` each."""
