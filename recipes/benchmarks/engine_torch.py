"""The DCGAN and the VAE in plain torch, eager: `nn.Module`, `optim.Adam`, `backward`.

Channels first and torch's own layers throughout, as everybody writes it; Adam in its default form,
which updates all weights with one call of each operation (foreach).
"""

from collections.abc import Mapping, Sequence

import engine_common as common
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

_W = common.WIDTH
_CHANNELS_FIRST = (common.COARSE[2], *common.COARSE[:2])
_FLAT = common.COARSE[0] * common.COARSE[1] * common.COARSE[2]


def _norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=common.BN_EPSILON, momentum=1.0 - common.MOMENTUM)


def generator() -> nn.Module:
    return nn.Sequential(
        nn.Linear(common.DCGAN_LATENT, _FLAT, bias=False),
        nn.Unflatten(1, _CHANNELS_FIRST),
        *(_norm(2 * _W), nn.ReLU(inplace=True)),
        nn.ConvTranspose2d(2 * _W, _W, 4, 2, 1, bias=False),
        *(_norm(_W), nn.ReLU(inplace=True)),
        *(nn.ConvTranspose2d(_W, 1, 4, 2, 1), nn.Tanh()),
    )


def discriminator() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, _W, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)),
        nn.Conv2d(_W, 2 * _W, 4, 2, 1, bias=False),
        *(_norm(2 * _W), nn.LeakyReLU(0.2, inplace=True)),
        *(nn.Flatten(), nn.Linear(_FLAT, 1)),
    )


def encoder() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, _W, 4, 2, 1), nn.ReLU(inplace=True)),
        *(nn.Conv2d(_W, 2 * _W, 4, 2, 1), nn.ReLU(inplace=True)),
        *(nn.Flatten(), nn.Linear(_FLAT, 8 * _W), nn.ReLU(inplace=True)),
        nn.Linear(8 * _W, 2 * common.VAE_LATENT),
    )


def decoder() -> nn.Module:
    return nn.Sequential(
        *(nn.Linear(common.VAE_LATENT, 8 * _W), nn.ReLU(inplace=True)),
        *(nn.Linear(8 * _W, _FLAT), nn.ReLU(inplace=True), nn.Unflatten(1, _CHANNELS_FIRST)),
        *(nn.ConvTranspose2d(2 * _W, _W, 4, 2, 1), nn.ReLU(inplace=True)),
        nn.ConvTranspose2d(_W, 1, 4, 2, 1),
    )


class TorchTwin(common.Twin):
    """What the two models share: networks, running means, and the way from Keras' weights."""

    networks: dict[str, nn.Module]
    losses: tuple[str, ...]
    model: str

    def step(self, images: np.ndarray) -> None:
        """See `Twin.step`."""
        draws, size = common.DRAWS[self.model]
        noise = [torch.randn(len(images), size) for _ in range(draws)]
        self._train(to_torch(images), noise)

    def means(self) -> dict[str, float]:
        """See `Twin.means`."""
        values = (self.sums / self.count).tolist()
        self.sums, self.count = torch.zeros(len(self.losses)), 0
        return dict(zip(self.losses, values, strict=True))

    def update(self, images: np.ndarray, noise: Sequence[np.ndarray]) -> float:
        """See `Twin.update`."""
        self._train(to_torch(images), [torch.from_numpy(z) for z in noise])
        return self.means()[self.losses[0]]

    def load(self, weights: Mapping[str, common.Weights]) -> None:
        """See `Twin.load`."""
        for name, (trained, statistics) in weights.items():
            network = self.networks[name]
            with torch.no_grad():
                for old, new in zip(network.parameters(), trained, strict=True):
                    old.copy_(_from_keras(new, first=name in ("generator", "decoder")))
                floats = [b for b in network.buffers() if b.dtype == torch.float32]
                for old, new in zip(floats, statistics, strict=True):
                    old.copy_(torch.from_numpy(new))
        self._start()

    def _start(self) -> None:
        self.sums, self.count = torch.zeros(len(self.losses)), 0

    def _train(self, images: Tensor, noise: Sequence[Tensor]) -> None:
        raise NotImplementedError

    def _record(self, *losses: Tensor) -> None:
        self.sums += torch.stack([loss.detach() for loss in losses])
        self.count += 1


class DCGAN(TorchTwin):
    """One discriminator step and one generator step, each on fresh fakes."""

    model, losses = "dcgan", ("discriminator", "generator")

    def __init__(self) -> None:
        self.networks = {"generator": generator(), "discriminator": discriminator()}
        for network in self.networks.values():
            for weight in network.parameters():
                if weight.ndim > 1:
                    nn.init.normal_(weight, 0.0, 0.02)
        self._start()

    def _start(self) -> None:
        super()._start()
        self.optimizers = {name: _adam(self.model, net) for name, net in self.networks.items()}

    def _train(self, images: Tensor, noise: Sequence[Tensor]) -> None:
        generator, discriminator = self.networks["generator"], self.networks["discriminator"]
        with torch.no_grad():
            fakes = generator(noise[0])
        real, fake = discriminator(images), discriminator(fakes)
        d_loss = softplus(-real).mean() + softplus(fake).mean()
        self._descend(d_loss, "discriminator")

        discriminator.requires_grad_(False)  # its gradients would be computed for nothing
        g_loss = softplus(-discriminator(generator(noise[1]))).mean()
        self._descend(g_loss, "generator")
        discriminator.requires_grad_(True)
        self._record(d_loss, g_loss)

    def _descend(self, loss: Tensor, name: str) -> None:
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[name].step()


class VAE(TorchTwin):
    """One step up the evidence lower bound."""

    model, losses = "vae", ("loss", "reconstruction", "kl")

    def __init__(self) -> None:
        self.networks = {"encoder": encoder(), "decoder": decoder()}
        self._start()

    def _start(self) -> None:
        super()._start()
        self.optimizer = _adam("vae", *self.networks.values())

    def _train(self, images: Tensor, noise: Sequence[Tensor]) -> None:
        mean, log_variance = self.networks["encoder"](images).chunk(2, -1)
        scale = torch.exp(0.5 * log_variance)
        logits = self.networks["decoder"](mean + scale * noise[0])
        x = (images + 1.0) / 2.0
        reconstruction = binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
        kl = 0.5 * (scale**2 + mean**2 - 1.0 - log_variance).sum() / len(x)
        loss = reconstruction + kl
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self._record(loss, reconstruction, kl)


def build(model: str, jit: bool) -> TorchTwin:
    """Makes the twin of "dcgan" or "vae"; torch is always eager here, also against kgen's graph."""
    return {"dcgan": DCGAN, "vae": VAE}[model]()


def _adam(model: str, *networks: nn.Module) -> torch.optim.Adam:
    rate, beta_1 = common.ADAM[model]
    weights = [weight for network in networks for weight in network.parameters()]
    return torch.optim.Adam(weights, rate, (beta_1, common.BETA_2), eps=common.EPSILON)


def to_torch(images: np.ndarray) -> Tensor:
    """Channels first; of one channel a view is enough."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def _from_keras(weight: np.ndarray, first: bool) -> Tensor:
    """Rearranges a Keras weight for torch.

    Args:
        weight: as in `engine_common.SHAPES`.
        first: whether the network starts from latents, so that a wide dense layer (or its bias)
            gives a feature map; else it takes one.
    """
    if weight.ndim == 4:  # (height, width, in, out), or transposed ones (height, width, out, in)
        weight = weight.transpose(3, 2, 0, 1)
    elif first and weight.shape[-1] == _FLAT:
        grid = weight.reshape(*weight.shape[:-1], *common.COARSE)
        weight = np.moveaxis(grid, -1, -3).reshape(weight.shape).T
    elif weight.ndim == 2 and weight.shape[0] == _FLAT:
        grid = weight.reshape(*common.COARSE, -1)
        weight = grid.transpose(3, 2, 0, 1).reshape(-1, _FLAT)
    elif weight.ndim == 2:
        weight = weight.T
    return torch.from_numpy(weight.copy())
