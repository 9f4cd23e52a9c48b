"""What a diffusion model costs: kgen's flow matching against the same U-Net in plain PyTorch.

    python recipes/benchmarks/diffusion.py

prints three tables. The network is `unet((32, 32, 1), width=32, blocks=1, scale_shift=False)`: 1.1
million parameters, 95 GFLOP for a training step of 64 images. Before anything is timed the two
versions of it must give the same output from the same weights, to 1e-4 (2e-2 on a GPU).

1. Training steps a second, and samples a second of 50 Euler steps: `model.fit` and `model.sample` of
   kgen, against a hand-written loop (`diffusion_torch.py`), eager and through `torch.compile`. A
   process a backend holds all three; blocks of them alternate, a ratio is the median over the rounds,
   and above 1 kgen is faster. The ratio in CPU time counts only the seconds that the process
   computed: it varies less where others use the machine. The share of peak is that of the fastest
   float32 matrix product of the same process, measured between the blocks; operations are counted
   as `kgen.networks.flops` counts them, three times those of a forward pass for a training step.
   All run on the GPU where PyTorch finds one, and multiply float32 matrices as TensorFloat-32 there.
2. `mixed_bfloat16` against float32, where the processor has instructions for it.
3. How the seconds of sampling grow with the steps, c + d n fitted by least squares, and how often
   the network was compiled anew for another seed, other labels and another weight of guidance.
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
_HEADERS = {
    "against": (
        *("backend", "mode", "what", "kgen /s", "eager /s", "compiled /s"),
        *("ratio to eager (min - max)", "in CPU time", "ratio to compiled", "in CPU time"),
        "share of peak: kgen, eager, compiled",
    ),
    "precision": ("backend", "mode", "what", "float32 /s", "bfloat16 /s", "ratio", "in CPU time"),
    "steps": ("backend", "seconds of n steps", "largest deviation", "compiled anew"),
}
_SIZES = ("size", "width", "batch", "blocks", "steps", "samples", "sample_steps", "compiled")


def main() -> None:
    options = _options()
    rows = []
    for part in options.parts:
        print(f"\n| {' | '.join(_HEADERS[part])} |\n|{'---|' * len(_HEADERS[part])}", flush=True)
        for backend in options.backends:
            for jit in _MODES[backend] if part != "steps" else (True,):
                task = {"part": part, "jit": jit, **{n: getattr(options, n) for n in _SIZES}}
                for row in shared.measure("diffusion_measure.py", backend, task):
                    row |= {"part": part, "backend": backend, "mode": _NAMES[backend, jit]}
                    rows.append(row)
                    print(f"| {' | '.join(_CELLS[part](row))} |", flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=2) + "\n")


def _against(row: dict[str, Any]) -> tuple[str, ...]:
    rates, ratios, shares = (row[name] for name in ("rates", "ratios", "shares"))
    names = ("kgen", "eager", "compiled")
    ratio, low, high, cpu = ratios["eager"]
    compiled = ratios.get("compiled")
    return (
        *(row["backend"], row["mode"], row["what"]),
        *(f"{rates[name]:.3g}" if name in rates else "-" for name in names),
        *(f"{ratio:.2f} ({low:.2f} - {high:.2f})", f"{cpu:.2f}"),
        *((f"{compiled[0]:.2f}", f"{compiled[3]:.2f}") if compiled else ("-", "-")),
        ", ".join(f"{shares[name]:.2f}" for name in names if name in shares),
    )


def _precision(row: dict[str, Any]) -> tuple[str, ...]:
    ratio, low, high, cpu = row["ratio"]
    rates = (f"{row['rates'][name]:.3g}" for name in ("float32", "bfloat16"))
    return (
        *(row["backend"], row["mode"], row["what"], *rates),
        *(f"{ratio:.2f} ({low:.2f} - {high:.2f})", f"{cpu:.2f}"),
    )


def _steps(row: dict[str, Any]) -> tuple[str, ...]:
    constant, slope = row["line"]
    return (
        *(row["backend"], f"{constant:.3f} + {slope:.4f} n"),
        *(f"{100 * row['deviation']:.1f} %", f"{row['compiled_anew']} times"),
    )


_CELLS = {"against": _against, "precision": _precision, "steps": _steps}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="kgen's diffusion against plain PyTorch.")
    parser.add_argument("--backends", nargs="+", default=list(_MODES), choices=list(_MODES))
    parser.add_argument("--parts", nargs="+", default=list(_CELLS), choices=list(_CELLS))
    parser.add_argument("--size", type=int, default=32, help="of the images, along each axis")
    parser.add_argument("--width", type=int, default=32, help="of the U-Net")
    parser.add_argument("--batch", type=int, default=64, help="images in a training step")
    parser.add_argument("--blocks", type=int, default=5, help="rounds of blocks")
    parser.add_argument("--steps", type=int, default=4, help="training steps in a block")
    parser.add_argument("--samples", type=int, default=16, help="samples in a block")
    parser.add_argument("--sample-steps", type=int, default=50, help="steps of a sample")
    parser.add_argument("--compiled", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--json", help="where to write the rows")
    return parser.parse_args()


if __name__ == "__main__":
    main()
