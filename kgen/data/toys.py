"""Two-dimensional toy distributions with exact densities, for models that can be checked by eye.

Each toy has `sample(n, seed)`, float32 (n, 2), and `log_prob(x)`, in nats. Their formulas are in
`kgen.data.densities`. The mixtures ring8, grid25 and two_gaussians also have `modes`, `scale` and
`weights`, for metrics of mode coverage.
"""

from collections.abc import Callable

import numpy as np

from kgen.data.densities import Checkerboard, GaussianMixture, NoisyCurves, Pinwheel, Toy


def _circle(n: int, radius: float) -> np.ndarray:
    angle = 2 * np.pi * np.arange(n) / n
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _grid(n: int, step: float) -> np.ndarray:
    axis = step * (np.arange(n) - (n - 1) / 2)
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)


def _upper_moon(t: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(t), np.sin(t)], axis=1)


def _lower_moon(t: np.ndarray) -> np.ndarray:
    return np.stack([1 - np.cos(t), 0.5 - np.sin(t)], axis=1)


def _spiral(t: np.ndarray) -> np.ndarray:
    return np.stack([t * np.cos(t), t * np.sin(t)], axis=1) / 5


def _ring(radius: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda t: radius * np.stack([np.cos(t), np.sin(t)], axis=1)


ring8 = GaussianMixture(
    source="Metz et al., Unrolled Generative Adversarial Networks, 2016 (radius 2, scale 0.02)",
    parts=8,
    modes=_circle(8, 2.0),
    scale=0.02,
    weights=np.full(8, 1 / 8),
)
grid25 = GaussianMixture(
    source="Srivastava et al., VEEGAN, 2017; Lin et al., PacGAN, 2018 (step 2, scale 0.05)",
    parts=25,
    modes=_grid(5, 2.0),
    scale=0.05,
    weights=np.full(25, 1 / 25),
)
two_gaussians = GaussianMixture(
    source="Song and Ermon, Generative Modeling by Estimating Gradients of the Data Distribution, "
    "2019 (weights 1/5 and 4/5)",
    parts=2,
    modes=np.array([[-5.0, -5.0], [5.0, 5.0]]),
    scale=1.0,
    weights=np.array([0.2, 0.8]),
)
moons = NoisyCurves(
    source="Pedregosa et al., Scikit-learn, 2011: make_moons (noise 0.1)",
    parts=2,
    curves=(_upper_moon, _lower_moon),
    low=0.0,
    high=np.pi,
    scale=0.1,
)
swissroll = NoisyCurves(
    source="Marsland, Machine Learning: An Algorithmic Perspective, 2009; scaled by 1/5 with "
    "noise 0.2 as in Grathwohl et al., FFJORD, 2019",
    parts=0,
    curves=(_spiral,),
    low=1.5 * np.pi,
    high=4.5 * np.pi,
    scale=0.2,
)
rings = NoisyCurves(
    source="Grathwohl et al., FFJORD, 2019 (radii 0.75, 1.5, 2.25 and 3, noise 0.08)",
    parts=4,
    curves=tuple(_ring(radius) for radius in (0.75, 1.5, 2.25, 3.0)),
    low=0.0,
    high=2 * np.pi,
    scale=0.08,
)
checkerboard = Checkerboard(source="Grathwohl et al., FFJORD, 2019", parts=0)
pinwheel = Pinwheel(
    source="Johnson et al., Composing Graphical Models with Neural Networks, 2016; scaled by 2 as "
    "in FFJORD, its twist made area-preserving",
    parts=5,
)

TOYS: dict[str, Toy] = {
    "ring8": ring8,
    "grid25": grid25,
    "moons": moons,
    "swissroll": swissroll,
    "checkerboard": checkerboard,
    "pinwheel": pinwheel,
    "two_gaussians": two_gaussians,
    "rings": rings,
}
