"""The U-Net of `kgen.networks.unet` and flow matching in plain PyTorch: `nn.Module`, `optim.Adam`.

Channels first and torch's own layers throughout, as everybody writes it. The network is that of
`unet((size, size, 1), width=width, blocks=1, scale_shift=False)`: three sizes, attention at the
smallest, the time's embedding added between the two convolutions of a block.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention, silu

HEAD_WIDTH, MULTIPLIERS = 32, (1, 2, 2)
RATE, BETAS, EPSILON = 1e-3, (0.9, 0.999), 1e-7  # of Adam, Keras' values


def norm(channels: int) -> nn.GroupNorm:
    groups = max(n for n in range(1, 33) if channels % n == 0 and (n == 1 or channels >= 4 * n))
    return nn.GroupNorm(groups, channels, eps=1e-5)


def conv(channels: int, filters: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, filters, 3, stride, padding=1 if stride == 1 else 0)


class Residual(nn.Module):
    """Two convolutions with the embedding between them; the shortcut is a convolution of one pixel."""

    def __init__(self, channels: int, filters: int, embedding: int) -> None:
        super().__init__()
        self.norm_1, self.conv_1 = norm(channels), conv(channels, filters)
        self.dense = nn.Linear(embedding, filters)
        self.norm_2, self.conv_2 = norm(filters), conv(filters, filters)
        self.shortcut = nn.Conv2d(channels, filters, 1) if channels != filters else None

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Maps `(batch, channels, height, width)` to as many filters."""
        h = self.conv_1(silu(self.norm_1(x)))
        h = silu(self.norm_2(h + self.dense(embedding)[:, :, None, None]))
        return (x if self.shortcut is None else self.shortcut(x)) + self.conv_2(h)


class Attention(nn.Module):
    """Lets the pixels attend to each other."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.heads = norm(channels), channels // min(HEAD_WIDTH, channels)
        self.inputs, self.outputs = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Keeps the shape."""
        pixels = self.norm(x).flatten(2).transpose(1, 2)
        split = self.inputs(pixels).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        h = scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)
        return x + self.outputs(h).transpose(1, 2).reshape(x.shape)


class Block(nn.Module):
    """A residual block, and attention where the map is small."""

    def __init__(self, channels: int, filters: int, embedding: int, attends: bool) -> None:
        super().__init__()
        self.residual = Residual(channels, filters, embedding)
        self.attention = Attention(filters) if attends else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Runs both."""
        return self.attention(self.residual(x, embedding))


class Down(nn.Module):
    """Halves the size; "same" padding of an even size is one pixel after, none before."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv(channels, channels, stride=2)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """The embedding changes nothing here."""
        return self.conv(nn.functional.pad(x, (0, 1, 0, 1)))


class Up(nn.Module):
    """Doubles the size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv(channels, channels)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """The embedding changes nothing here."""
        return self.conv(interpolate(x, scale_factor=2, mode="nearest"))


class UNet(nn.Module):
    """Maps x `(batch, 1, size, size)` and t `(batch,)` to `(batch, 1, size, size)`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        embedding = 4 * width
        frequencies = 1000.0 * 10000.0 ** (-np.arange(width // 2) / (width // 2))
        self.register_buffer("frequencies", torch.tensor(frequencies, dtype=torch.float32))
        self.time = nn.Sequential(
            *(nn.Linear(width, embedding), nn.SiLU(), nn.Linear(embedding, embedding), nn.SiLU())
        )
        widths = [width * multiplier for multiplier in MULTIPLIERS]
        last = len(widths) - 1
        self.first, self.down = conv(1, width), nn.ModuleList()
        channels, skips = width, [width]
        for level, filters in enumerate(widths):
            if level:
                self.down.append(Down(channels))
                skips.append(channels)
            self.down.append(Block(channels, filters, embedding, level == last))
            channels = filters
            skips.append(channels)
        self.middle = nn.ModuleList(
            Block(channels, channels, embedding, attends) for attends in (True, False)
        )
        self.up = nn.ModuleList()  # after `middle`: `load` counts on the order
        for level, filters in reversed(list(enumerate(widths))):
            for _ in range(2):
                self.up.append(Block(channels + skips.pop(), filters, embedding, level == last))
                channels = filters
            if level:
                self.up.append(Up(channels))
        self.norm, self.last = norm(channels), conv(channels, 1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """See the class."""
        angles = t[:, None] * self.frequencies
        embedding = self.time(torch.cat([torch.cos(angles), torch.sin(angles)], 1))
        x = self.first(x)
        skips = [x]
        for part in self.down:
            x = part(x, embedding)
            skips.append(x)
        for part in self.middle:
            x = part(x, embedding)
        for part in self.up:
            x = part(torch.cat([x, skips.pop()], 1) if isinstance(part, Block) else x, embedding)
        return self.last(silu(self.norm(x)))


class Twin:
    """Training and sampling of flow matching, x_t = (1 - t) x + t z, with a network of z - x.

    Args:
        network: the U-Net.
        size: of the images, along each axis.
        compiled: whether training losses and sampling steps go through `torch.compile`.
        device: of the weights and of all computing, "cpu" or "cuda".
    """

    def __init__(self, network: UNet, size: int, compiled: bool, device: str = "cpu") -> None:
        self.network, self.size, self.device = network.to(device), size, device
        self.optimizer = torch.optim.Adam(network.parameters(), RATE, BETAS, eps=EPSILON)
        wrap = torch.compile if compiled else lambda function: function
        self._loss, self._step = wrap(self._loss_of), wrap(self._step_of)
        self.sum, self.count = torch.zeros((), device=device), 0

    def train(self, images: np.ndarray) -> None:
        """Takes one step on channels-last images, with fresh times and noise."""
        x = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2)
        noise, t = torch.randn(x.shape, device=x.device), torch.rand(len(x), device=x.device)
        loss = self._loss(x, noise, t)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.sum, self.count = self.sum + loss.detach(), self.count + 1

    def mean(self) -> float:
        """Reads the mean loss since the last call."""
        mean = float(self.sum) / self.count
        self.sum, self.count = torch.zeros_like(self.sum), 0
        return mean

    @torch.inference_mode()
    def sample(self, n: int, steps: int) -> np.ndarray:
        """Draws n samples by Euler's method from t = 1 to 0."""
        x = torch.randn(n, 1, self.size, self.size, device=self.device)
        times = torch.linspace(1.0, 0.0, steps + 1, device=self.device)
        for t, s in pairwise(times):
            x = self._step(x, t, s)
        return x.permute(0, 2, 3, 1).cpu().numpy()

    def _loss_of(self, x: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        time = t[:, None, None, None]
        y = self.network((1.0 - time) * x + time * noise, t)
        return (y - (noise - x)).square().mean()

    def _step_of(self, x: Tensor, t: Tensor, s: Tensor) -> Tensor:
        return x + (s - t) * self.network(x, t.expand(len(x)))


def load(network: UNet, weights: dict[str, Sequence[Sequence[np.ndarray]]]) -> None:
    """Takes over the weights of Keras' layers, each kind in the order in which the network runs.

    Args:
        network: changed in place.
        weights: of the "conv", "norm" and "dense" layers, (kernel, bias) each.
    """
    for kind, layers in weights.items():
        for module, (kernel, bias) in zip(_modules(network, kind), layers, strict=True):
            if kernel.ndim > 1:  # (..., inputs, outputs) to (outputs, inputs, ...)
                kernel = np.moveaxis(kernel, (-1, -2), (0, 1))
            with torch.no_grad():
                module.weight.copy_(torch.tensor(kernel).reshape(module.weight.shape))
                module.bias.copy_(torch.tensor(bias))


def _modules(network: UNet, kind: str) -> Iterator[nn.Module]:
    for module in network.modules():
        pixel = isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1)
        kinds = {
            "norm": isinstance(module, nn.GroupNorm),
            "dense": isinstance(module, nn.Linear) or pixel,
            "conv": isinstance(module, nn.Conv2d) and not pixel,
        }
        if kinds[kind]:
            yield module
