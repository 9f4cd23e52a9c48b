"""The GANs of `gan.py` in plain torch: the DCGAN of `engine_torch.py`, and WGAN-GP after its paper.

Compiled, the two losses of WGAN-GP go through `torch.compile` whole, the penalty by `torch.func.grad`:
a compiled network alone has no second derivatives. Of the DCGAN both networks are compiled. Adam stays
as it is: one call of each operation for all weights.
"""

from collections.abc import Callable, Sequence

import engine_common as common
import engine_torch as engine
import numpy as np
import torch
from torch import Tensor, nn

CRITIC_STEPS, PENALTY = 5, 10.0


def critic() -> nn.Module:
    """The discriminator of the DCGAN without BatchNorm."""
    width, flat = common.WIDTH, common.COARSE[0] * common.COARSE[1] * common.COARSE[2]
    return nn.Sequential(
        *(nn.Conv2d(1, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Flatten(), nn.Linear(flat, 1)),
    )


class WGANGP(engine.DCGAN):
    """Critic steps on one real batch with fresh fakes, then a generator step."""

    model = "wgan_gp"

    def __init__(self, compiled: bool) -> None:
        self.networks = {"generator": engine.generator(), "discriminator": critic()}
        self._gradient = torch.func.grad if compiled else _gradient
        wrap = torch.compile if compiled else lambda function: function
        self._critic_loss, self._generator_loss = wrap(self._critic), wrap(self._generator)
        self._start()

    def step(self, images: np.ndarray) -> None:
        """See `engine_common.Twin.step`."""
        n = len(images)
        noise = [f for _ in range(CRITIC_STEPS) for f in (_latents(n), torch.rand(n, 1, 1, 1))]
        self._train(engine.to_torch(images), [*noise, _latents(n)])

    def _train(self, images: Tensor, noise: Sequence[Tensor]) -> None:
        *told, last = noise
        for latents, shares in zip(told[::2], told[1::2], strict=True):
            with torch.no_grad():
                fakes = self.networks["generator"](latents)
            d_loss = self._critic_loss(images, fakes, shares)
            self._descend(d_loss, "discriminator")
        self.networks["discriminator"].requires_grad_(False)
        g_loss = self._generator_loss(last)
        self._descend(g_loss, "generator")
        self.networks["discriminator"].requires_grad_(True)
        self._record(d_loss, g_loss)

    def _critic(self, images: Tensor, fakes: Tensor, shares: Tensor) -> Tensor:
        judge = self.networks["discriminator"]
        gradient = self._gradient(lambda x: judge(x).sum())(shares * images + (1.0 - shares) * fakes)
        penalty = (gradient.flatten(1).norm(dim=1) - 1.0).square().mean()
        return judge(fakes).mean() - judge(images).mean() + PENALTY * penalty

    def _generator(self, latents: Tensor) -> Tensor:
        return -self.networks["discriminator"](self.networks["generator"](latents)).mean()


def build(model: str, compiled: bool) -> engine.TorchTwin:
    """Makes the twin of "dcgan" or "wgan_gp"."""
    if model == "wgan_gp":
        return WGANGP(compiled)
    twin = engine.DCGAN()
    if compiled:
        for network in twin.networks.values():
            network.compile()
    return twin


def _gradient(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The gradient as everybody writes it, differentiable again."""

    def gradient(x: Tensor) -> Tensor:
        x = x.requires_grad_()
        return torch.autograd.grad(function(x), x, create_graph=True)[0]

    return gradient


def _latents(n: int) -> Tensor:
    return torch.randn(n, common.DCGAN_LATENT)
