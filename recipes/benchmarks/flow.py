"""What a normalizing flow costs: kgen against zuko, eager, at equal size.

    python recipes/benchmarks/flow.py

prints two tables. First the parameters of both sides, which must be within 5 % of each other before
anything is timed: the same number of transforms, hidden layers, and bins of a spline. kgen has a
shift and a scale for each number before each transform in addition (`ActNorm`), and before the spline
couplings a matrix (`Linear`); the networks are the same.

Then training steps a second with Adam, log-densities a second and samples a second: `model.fit`,
`model.log_prob` and `model.sample` of kgen against the loop that zuko's documentation shows, in
PyTorch. A process a backend holds both; blocks of them alternate, a ratio is the median over the
rounds, and above 1 kgen is faster. The ratio in CPU time counts only the seconds that the process
computed: it varies less where others use the machine. MAF and the spline MAF draw one number after
the other, zuko by a pass of the whole network for each; the other two draw all at once.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import shared
from flow_zuko import FLOWS

_MODES = {"tensorflow": (False, True), "jax": (True,), "torch": (True,)}
_NAMES = {
    ("tensorflow", False): "graph",
    ("tensorflow", True): "XLA",
    ("jax", True): "jit",
    ("torch", True): "traced",
}
_HEADER = [
    *("backend", "mode", "flow", "what", "kgen /s", "zuko /s"),
    *("ratio (min - max)", "in CPU time"),
]
_SIZES = ("features", "transforms", "hidden", "bins", "batch", "steps", "examples", "blocks")


def main() -> None:
    options = _options()
    rows, sizes = [], {name: getattr(options, name) for name in _SIZES}
    _print_row(["flow", "parameters: kgen", "zuko", "kgen / zuko"], heads=True)
    for name in options.flows:
        kgen, zuko = shared.measure("flow_measure.py", "torch", {**sizes, "flow": name, "jit": None})
        _print_row([name, f"{kgen:,}", f"{zuko:,}", f"{kgen / zuko:.3f}"])
    print()
    _print_row(_HEADER, heads=True)
    for backend in options.backends:
        for jit in _MODES[backend]:
            for name in options.flows:
                task = {**sizes, "flow": name, "jit": jit}
                for row in shared.measure("flow_measure.py", backend, task):
                    row |= {"backend": backend, "mode": _NAMES[backend, jit], "flow": name}
                    rows.append(row)
                    _print_row(_cells(row))
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=2) + "\n")


def _cells(row: dict[str, Any]) -> list[str]:
    ratio, low, high, cpu = row["ratio"]
    return [
        *(row[name] for name in ("backend", "mode", "flow", "what")),
        *(f"{row['rates'][name]:.3g}" for name in ("kgen", "zuko")),
        *(f"{ratio:.2f} ({low:.2f} - {high:.2f})", f"{cpu:.2f}"),
    ]


def _print_row(cells: list[str], heads: bool = False) -> None:
    line = f"\n|{'---|' * len(cells)}" if heads else ""
    print(f"| {' | '.join(cells)} |{line}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="kgen's normalizing flows against zuko.")
    parser.add_argument("--backends", nargs="+", default=list(_MODES), choices=list(_MODES))
    parser.add_argument("--flows", nargs="+", default=list(FLOWS), choices=list(FLOWS))
    parser.add_argument("--features", type=int, default=16, help="numbers of an example")
    parser.add_argument("--transforms", type=int, default=5)
    parser.add_argument("--hidden", type=int, nargs="+", default=[128, 128], help="widths")
    parser.add_argument("--bins", type=int, default=8, help="of a spline")
    parser.add_argument("--batch", type=int, default=256, help="examples in a training step")
    parser.add_argument("--blocks", type=int, default=7, help="rounds of blocks")
    parser.add_argument("--steps", type=int, default=50, help="training steps in a block")
    parser.add_argument("--examples", type=int, default=2000, help="densities, samples in a block")
    parser.add_argument("--json", help="where to write the rows")
    return parser.parse_args()


if __name__ == "__main__":
    main()
