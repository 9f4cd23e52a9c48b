"""The flows of `flow.py` in zuko, trained and asked as its documentation shows."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import zuko

RATE = 1e-3  # of Adam


def _spline_couplings(features: int, transforms: int, hidden: Sequence[int], bins: int) -> Any:
    return zuko.flows.NICE(
        features,
        transforms=transforms,
        hidden_features=hidden,
        univariate=zuko.transforms.MonotonicRQSTransform,
        shapes=[(bins,), (bins,), (bins - 1,)],
    )


# Each takes (features, transforms, hidden, bins).
FLOWS: dict[str, Callable[..., Any]] = {
    "RealNVP": lambda d, n, hidden, _: zuko.flows.RealNVP(d, transforms=n, hidden_features=hidden),
    "spline couplings": _spline_couplings,
    "MAF": lambda d, n, hidden, _: zuko.flows.MAF(d, transforms=n, hidden_features=hidden),
    "spline MAF": lambda d, n, hidden, bins: zuko.flows.NSF(
        d, transforms=n, hidden_features=hidden, bins=bins
    ),
}


class Zuko:
    """A flow with its optimizer.

    Args:
        flow: of zuko.
    """

    def __init__(self, flow: Any) -> None:
        self.flow = flow
        self.optimizer = torch.optim.Adam(flow.parameters(), RATE)

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(p.numel() for p in self.flow.parameters())

    def train(self, x: np.ndarray, batch: int) -> float:
        """Takes a step for each batch; gives the mean loss, as `fit` does."""
        total, batches = torch.zeros(()), torch.from_numpy(x).split(batch)
        for examples in batches:
            loss = -self.flow().log_prob(examples).mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        return float(total) / len(batches)

    @torch.inference_mode()
    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """The log-density of each example in nats."""
        return self.flow().log_prob(torch.from_numpy(x)).numpy()

    @torch.inference_mode()
    def sample(self, n: int) -> np.ndarray:
        """Draws n examples."""
        return self.flow().sample((n,)).numpy()
