"""What a GAN costs: kgen's DCGAN and WGAN-GP against the same nets in plain PyTorch.

    python recipes/benchmarks/gan.py

prints one table. The DCGAN is that of `engine.py` (28x28, batch 128, 271 thousand parameters); WGAN-GP
has its generator, its discriminator without BatchNorm, and five critic steps with a penalty of weight
10 for each step of the generator, all on one real batch. A step is all of that.

A process a backend holds kgen and PyTorch, eager and through `torch.compile` (`gan_torch.py`). One
epoch of `model.fit` is one block of steps, and blocks of the three alternate; a ratio is the median of
the rounds; above 1 kgen is faster. The ratio in CPU time counts only the seconds that the process
computed: it varies less where others use the machine.

Before anything is timed, all take two steps from the same weights with the same noise, and the
discriminator's losses must agree to 1e-4. Steps with noise of their own compile first, untimed.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import shared

_MODES = {"tensorflow": (False, True), "jax": (True,), "torch": (True,)}
_NAMES = {
    ("tensorflow", False): "graph",
    ("tensorflow", True): "XLA",
    ("jax", True): "jit",
    ("torch", True): "traced",
}
_UPDATES = {"dcgan": 2, "wgan_gp": 6}  # of an optimizer in a step
_HEADER = (
    *("backend", "mode", "model", "kgen steps/s", "eager steps/s", "compiled steps/s"),
    *("ratio to eager (min - max)", "in CPU time", "ratio to compiled (min - max)", "in CPU time"),
)


def main() -> None:
    options = _options()
    rows = []
    print(f"| {' | '.join(_HEADER)} |\n|{'---|' * len(_HEADER)}", flush=True)
    for backend in options.backends:
        for model in options.models:
            for jit in _MODES[backend]:
                task = {"name": model, "jit": jit, "steps": options.updates // _UPDATES[model]}
                task |= {"blocks": options.blocks, "compiled": options.compiled}
                row = shared.measure("gan_measure.py", backend, task)
                row |= {"backend": backend, "mode": _NAMES[backend, jit]}
                rows.append(row)
                print(f"| {' | '.join(_cells(row))} |", flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=2) + "\n")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    rates, ratios = row["rates"], row["ratios"]
    names = ("kgen", "eager", "compiled")
    return (
        *(row["backend"], row["mode"], row["model"]),
        *(f"{rates[name]:.3g}" if name in rates else "-" for name in names),
        *(cell for kind in names[1:] for cell in _ratio_cells(ratios.get(kind))),
    )


def _ratio_cells(ratio: list[float] | None) -> tuple[str, str]:
    if ratio is None:
        return "-", "-"
    median, low, high, cpu = ratio
    return f"{median:.2f} ({low:.2f} - {high:.2f})", f"{cpu:.2f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="kgen's GANs against plain PyTorch.")
    parser.add_argument("--backends", nargs="+", default=list(_MODES), choices=list(_MODES))
    parser.add_argument("--models", nargs="+", default=list(_UPDATES), choices=list(_UPDATES))
    parser.add_argument("--blocks", type=int, default=7, help="rounds of blocks")
    parser.add_argument("--updates", type=int, default=60, help="optimizer updates in a block")
    parser.add_argument("--compiled", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--json", help="where to write the rows")
    return parser.parse_args()


if __name__ == "__main__":
    main()
