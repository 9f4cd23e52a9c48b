"""What a report costs: the seconds of the command `kgen report`, and the size of its page.

    KERAS_BACKEND=jax python recipes/benchmarks/report.py

makes runs of `vae_fashion` in a temporary folder, for 50 epochs of one step each, evaluates them, and
puts a grid of 64 images of Fashion-MNIST in the place of each epoch's samples, which are blurred and so
smaller. Then it prints a table: the whole command, with the start of Python, in seconds by the clock
and of computing, which say more where others use the machine. The pictures
that need the model were made when training ended. Times after the first are medians of several. The
target: less than 3 s and 10 MB.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from kgen import data, pictures
from kgen.runs import recipe


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        _train(run, options.epochs)
        others = [shutil.copytree(run, Path(folder) / f"run{k}") for k in (2, 3)]
        print(
            "| report of | seconds (fastest to slowest) | CPU seconds | page (MB) |\n|---|---|---|---|"
        )
        _row(f"a run of {options.epochs} epochs, the first time", [run], repeats=1)
        _row("the same, again", [run], options.repeats)
        for other in others:
            _report([other])
        _row("three such runs side by side, again", [run, *others], options.repeats)


def _train(run: Path, epochs: int) -> None:
    from kgen.evaluation import evaluate_runs

    vae = recipe.load("vae_fashion")
    vae.main(vae.Config(epochs=epochs, examples=128, run=str(run)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few samples make cards as long as many do
        evaluate_runs([run], samples=500)
    images, rng = data.load("fashion_mini").x, np.random.default_rng(0)
    for picture in (run / "samples").glob("*.png"):
        pictures.save_grid(images[rng.choice(len(images), 64, replace=False)], picture)


def _row(what: str, runs: list[Path], repeats: int) -> None:
    seconds, computing, size = zip(*(_report(runs) for _ in range(repeats)), strict=True)
    spread = f" ({min(seconds):.2f} to {max(seconds):.2f})" if repeats > 1 else ""
    medians = statistics.median(seconds), statistics.median(computing)
    print(f"| {what} | {medians[0]:.2f}{spread} | {medians[1]:.2f} | {size[0]:.1f} |", flush=True)


def _report(runs: list[Path]) -> tuple[float, float, float]:
    """Seconds, CPU seconds, and megabytes."""
    page = runs[0].parent / "page.html"
    command = [sys.executable, "-m", "kgen.cli", "report", *runs, "--out", page]
    start, computed = time.perf_counter(), _computed()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start, _computed() - computed, page.stat().st_size / 1e6


def _computed() -> float:
    """CPU seconds of all processes started so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Seconds and size of the report of a run.")
    parser.add_argument("--epochs", type=int, default=50, help="of the run")
    parser.add_argument("--repeats", type=int, default=5, help="reports timed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
