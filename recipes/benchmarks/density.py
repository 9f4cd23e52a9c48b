"""The baseline of every likelihood: bits/dim of classical densities of Fashion-MNIST.

    python recipes/benchmarks/density.py

fits each density to the dequantised images of fashion_mini and prints a table: `bits_per_dim` of 1000
test images, a bound on the probability of their 256 levels that compares with those of flows and of
autoregressive models; and the CPU seconds to fit, and to give the probability of these images.
"""

import argparse
import time

from kgen import data
from kgen.density import Density, GaussianMixture, Histogram, dequantise
from kgen.metrics import model_likelihood

_BORDER = 1 + 1 / 255  # half a level beyond [-1, 1]


def densities(components: int) -> dict[str, Density]:
    """The rows of the table."""
    pixels = Histogram(bins=256, range=(-_BORDER, _BORDER), independent=True)
    return {
        "a histogram for each pixel": pixels,
        "Gaussian": GaussianMixture(components=1),
        f"{components} Gaussians, diagonal": GaussianMixture(components, "diag"),
        f"{components} Gaussians, full": GaussianMixture(components),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Bits/dim of classical densities.")
    parser.add_argument("--data", default="fashion_mini", help="a data set of images")
    parser.add_argument("--components", type=int, default=10, help="of the mixtures")
    options = parser.parse_args()
    train, test = data.load(options.data), data.load(options.data, "test")
    x = dequantise(train.x, seed=0)
    print("| density | bits/dim | CPU s to fit | CPU s for 1000 images |\n|---|---|---|---|")
    for name, density in densities(options.components).items():
        start = time.process_time()
        density.fit(x)
        fitted = time.process_time()
        _, card = model_likelihood(density, test.x[:1000])
        seconds = fitted - start, time.process_time() - fitted
        print(
            f"| {name} | {card.value:.2f} ± {card.error:.2f} | {seconds[0]:.0f} | {seconds[1]:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
