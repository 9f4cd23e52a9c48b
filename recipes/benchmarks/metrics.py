"""What the feature-based metrics cost: seconds and memory, their errors and intervals included.

    python recipes/benchmarks/metrics.py

prints a table: Fréchet distance, kernel distance, and precision, recall, density and coverage of
10,000 samples against 10,000 reference examples of 128 features. The target: all of them in less
than 60 s and 4 GiB on two cores. Memory is the peak of the process so far, with Python and the two
sets in it. For one core: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1.

    KERAS_BACKEND=jax python recipes/benchmarks/metrics.py --streaming

prints what the Fréchet distance of 50,000 images costs that a model draws: a convolutional VAE with
random weights, through `fashion_classifier`, against fashion_mini. Only features are kept: the target
is less than 2 GiB, the backend and Keras in it; the first line is what these take alone.
"""

import argparse
import resource
import sys
import time

import numpy as np

from kgen.metrics.coverage import precision_recall
from kgen.metrics.frechet import frechet_distance
from kgen.metrics.kernel import kernel_distance


def main() -> None:
    options = _options()
    if options.streaming:
        _stream(options.samples or 50_000)
    else:
        _compare(options.samples or 10_000, options.dims)


def _compare(n: int, dims: int) -> None:
    samples, reference = _features(n, dims)
    print("| metric | seconds | peak memory (GiB) | value |\n|---|---|---|---|")
    start = time.perf_counter()
    for metric in (frechet_distance, kernel_distance, precision_recall):
        before = time.perf_counter()
        cards = metric(samples, reference)
        seconds = time.perf_counter() - before
        values = "; ".join(map(str, cards if isinstance(cards, tuple) else [cards]))
        print(f"| {metric.__name__} | {seconds:.1f} | {_peak():.2f} | {values} |", flush=True)
    print(f"| all | {time.perf_counter() - start:.1f} | {_peak():.2f} | |")


def _stream(n: int) -> None:
    import keras  # here: the other part needs none

    import kgen

    reference = kgen.data.load("fashion_mini")
    keras.utils.set_random_seed(0)
    shape = reference.spec.shape
    model = kgen.VAE(kgen.networks.conv_encoder(shape, 16), kgen.networks.conv_decoder(16, shape))
    evaluate = kgen.metrics.Evaluator(
        reference, metrics=kgen.metrics.suites.QUICK, samples=n, bounds=False
    )
    print("| streamed | seconds | CPU seconds | peak memory (GiB) | value |\n|---|---|---|---|---|")
    model.sample(1, seed=0)
    print(f"| nothing yet ({keras.backend.backend()}) | | | {_peak():.2f} | |", flush=True)
    start, computed = time.perf_counter(), time.process_time()
    (card,) = evaluate(model)
    seconds, computing = time.perf_counter() - start, time.process_time() - computed
    print(f"| {n} samples | {seconds:.1f} | {computing:.1f} | {_peak():.2f} | {card} |")


def _features(n: int, dims: int) -> tuple[np.ndarray, np.ndarray]:
    """Float32 and positive, as the last layer of a classifier gives them; the samples a little off."""
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(dims, dims)) / dims**0.5
    sets = [np.maximum(rng.normal(size=(n, dims)) @ mix + shift, 0.0) for shift in (0.1, 0.0)]
    return sets[0].astype("float32"), sets[1].astype("float32")


def _peak() -> float:
    """In GiB; the system counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Seconds and memory of the feature-based metrics.")
    parser.add_argument("--samples", type=int, help="of each set: 10,000, or 50,000 if streamed")
    parser.add_argument("--dims", type=int, default=128, help="features of an example")
    parser.add_argument("--streaming", action="store_true", help="of a model, by the Fréchet distance")
    return parser.parse_args()


if __name__ == "__main__":
    main()
