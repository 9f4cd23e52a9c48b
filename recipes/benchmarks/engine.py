"""What the engine costs: kgen's DCGAN and VAE against the same models written by hand.

    python recipes/benchmarks/engine.py

prints the table of results. Compared are two ways to train the same networks on the same arrays:

- kgen: `model.fit(images, batch_size=128, shuffle=False, verbose=0)`, all of it: Keras' data
  adapter and callbacks, kgen's step, the running means, kgen's own random numbers;
- by hand: what an expert would write in the bare framework (`engine_tensorflow.py`,
  `engine_jax.py`, `engine_torch.py`), in a plain loop over slices of the same array, with running
  means, and the framework's random numbers.

One epoch of `fit` is one block of `--steps` steps; blocks of the two alternate, in one process,
and the ratio is the median over the pairs of blocks. Above 1, kgen is faster. The ratio in CPU time
counts only the seconds that the process computed: where others use the machine it varies less; on a
GPU it tells what Python costs. TensorFlow runs as a plain graph and with XLA, each against
`tf.function` with the same flag; JAX under `jax.jit`; torch eager, and as kgen's traced graph
(`jit_compile=True`), both against eager torch. A call of `fit` costs Keras some 50 ms on TensorFlow,
whatever its length: that is in the ratio. 78 steps are an epoch of 10,000 examples.

The time to the first step is that from nothing to the first loss: build the networks, compile,
train on one batch. Imports and the framework's own start are not in it. Memory growth is that of
the process over `--memory-steps` steps of kgen, with batches of 16.

Before anything is timed, both versions take three steps from the same weights with the same noise,
and their losses must agree to 1e-4.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import shared

_MODES = {"tensorflow": (False, True), "jax": (True,), "torch": (False, True)}
_MODELS = ("dcgan", "vae")
_HEADER = (
    "| backend | model | mode | kgen steps/s | by hand steps/s | ratio (min - max) "
    "| ratio in CPU time | first step: kgen, by hand (s) | memory growth (MB) |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    options = _options()
    rows = []
    print(_HEADER, flush=True)
    for backend in options.backends:
        for model in options.models:
            for jit in _MODES[backend]:
                row = _measure(backend, model, jit, options)
                rows.append(row)
                print(format_row(row), flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=2) + "\n")


def format_row(row: dict[str, Any]) -> str:
    """One row of the Markdown table."""
    low, high = row["range"]
    ours, theirs = row["first"]
    growth = "not measured" if row["growth_mb"] is None else f"{row['growth_mb']:+.0f}"
    cells = (
        *(row["backend"], row["model"], row["mode"]),
        *(f"{row['kgen']:.1f}", f"{row['twin']:.1f}"),
        f"{row['ratio']:.2f} ({low:.2f} - {high:.2f})",
        f"{row['cpu_ratio']:.2f}",
        *(f"{ours:.1f}, {theirs:.1f}", growth),
    )
    return f"| {' | '.join(cells)} |"


def _measure(backend: str, model: str, jit: bool, options: argparse.Namespace) -> dict[str, Any]:
    """Measures one row in a process of its own."""
    task = {"name": model, "jit": jit}
    task |= {name: getattr(options, name) for name in ("blocks", "steps", "memory_steps")}
    return shared.measure("engine_measure.py", backend, task)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="kgen against hand-written code.")
    parser.add_argument("--backends", nargs="+", default=list(_MODES), choices=list(_MODES))
    parser.add_argument("--models", nargs="+", default=list(_MODELS), choices=_MODELS)
    parser.add_argument("--blocks", type=int, default=7, help="pairs of blocks")
    parser.add_argument("--steps", type=int, default=78, help="steps in a block")
    parser.add_argument("--memory-steps", type=int, default=2000, help="below 100: not measured")
    parser.add_argument("--json", help="where to write the rows")
    return parser.parse_args()


if __name__ == "__main__":
    main()
