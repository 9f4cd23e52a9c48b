"""Measures kgen's diffusion on the backend of this process; see `diffusion.py`.

PyTorch runs in the same process, whatever kgen's backend is: so all meet the same neighbours on the
machine, and each round of blocks gives one ratio.
"""

import json
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import diffusion_torch as plain
import keras
import numpy as np
import shared
import torch
from shared import clocks, ratio

import kgen

_DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# Of the networks' outputs, which are TensorFloat-32 on a GPU.
_TOLERANCE = {"cpu": 1e-4, "cuda": 2e-2}[_DEVICE]
_CHECKED = 4  # images
_PEAK_SIZE = {"cpu": 2048, "cuda": 8192}[_DEVICE]  # of the matrices
_FEW_STEPS = (8, 16, 32, 64)
_FLAGS = ("avx512_bf16", "amx_bf16", "bf16")  # of processors with bfloat16 instructions


class Sizes(NamedTuple):
    """The options of `diffusion.py`."""

    size: int
    width: int
    batch: int
    blocks: int
    steps: int
    samples: int
    sample_steps: int
    compiled: bool


def build(sizes: Sizes, jit: bool, policy: str = "float32", **options: Any) -> kgen.Diffusion:
    """Makes and compiles kgen's model."""
    keras.config.set_dtype_policy(policy)
    network = kgen.networks.unet(
        (sizes.size, sizes.size, 1), width=sizes.width, blocks=1, scale_shift=False, seed=0, **options
    )
    model = kgen.Diffusion(
        network, classes=options.get("classes"), label_dropout=0.1 if options else 0.0
    )
    model.compile(keras.optimizers.Adam(plain.RATE), jit_compile=jit)
    return model


def against(sizes: Sizes, jit: bool) -> Iterator[dict[str, Any]]:
    """Compares training and sampling with plain PyTorch: two rows."""
    model = build(sizes, jit)
    kinds = {"eager": False, "compiled": True} if sizes.compiled else {"eager": False}
    twins = {kind: _twin(model.network, sizes, compiled) for kind, compiled in kinds.items()}
    forward = kgen.networks.flops(model.network)
    images = _images(sizes)
    works = {
        "training": (sizes.steps, 3 * sizes.batch * sizes.steps * forward),
        "sampling": (sizes.samples, sizes.samples * sizes.sample_steps * forward),
    }
    runs = {"kgen": _runs(model, sizes, images)}
    runs |= {kind: _twin_runs(twin, sizes, images) for kind, twin in twins.items()}
    for what, (count, flop) in works.items():
        seconds, peak = race({name: run[what] for name, run in runs.items()}, sizes.blocks)
        wall = {name: statistics.median(times[:, 0]) for name, times in seconds.items()}
        yield {
            "what": what,
            "rates": {name: count / wall[name] for name in wall},
            "ratios": {kind: ratio(seconds[kind], seconds["kgen"]) for kind in kinds},
            "shares": {name: flop / wall[name] / peak for name in wall},
            "peak_gflops": peak / 1e9,
        }


def precision(sizes: Sizes, jit: bool) -> Iterator[dict[str, Any]]:
    """Compares bfloat16 with float32: two rows, or none where the processor has no bfloat16."""
    if not _has_bfloat16():
        return
    models = {
        "float32": build(sizes, jit),
        "bfloat16": build(sizes, jit, "mixed_bfloat16"),
    }
    images = _images(sizes)
    runs = {name: _runs(model, sizes, images) for name, model in models.items()}
    for what, count in (("training", sizes.steps), ("sampling", sizes.samples)):
        seconds, _ = race({name: run[what] for name, run in runs.items()}, sizes.blocks)
        rates = {name: count / statistics.median(times[:, 0]) for name, times in seconds.items()}
        yield {"what": what, "rates": rates, "ratio": ratio(seconds["float32"], seconds["bfloat16"])}


def steps(sizes: Sizes, jit: bool) -> Iterator[dict[str, Any]]:
    """Fits the CPU seconds of sampling by the number of steps, and counts compilations: one row."""
    model = build(sizes, jit)
    runs = {n: (lambda n=n: _sample(model, sizes.samples, n)) for n in _FEW_STEPS}
    seconds, _ = race(runs, sizes.blocks)
    times = np.array([min(seconds[n][:, 1]) for n in _FEW_STEPS])
    slope, constant = np.polyfit(_FEW_STEPS, times, 1)
    line = constant + slope * np.array(_FEW_STEPS)
    yield {
        "line": [constant, slope],
        "deviation": float(np.max(np.abs(line / times - 1.0))),
        "compiled_anew": _compiled_anew(sizes, jit),
    }


class CountedFeatures(kgen.networks.SinusoidalFeatures):
    """Counts how often Python runs it: once for each compilation of the network around it."""

    calls = 0

    def call(self, t: Any) -> Any:
        """See `SinusoidalFeatures`."""
        type(self).calls += 1
        return super().call(t)


def race(runs: dict[Any, Callable[[], None]], blocks: int) -> tuple[dict[Any, np.ndarray], float]:
    """Gives what `shared.race` does, and the peak.

    That is the largest number of floating-point operations a second of a matrix product.
    """
    peaks = [_peak()]
    seconds = shared.race(runs, blocks, after=lambda: peaks.append(_peak()))
    return seconds, max(peaks)


def _runs(model: kgen.Diffusion, sizes: Sizes, images: np.ndarray) -> dict[str, Callable[[], Any]]:
    fit = {"batch_size": sizes.batch, "shuffle": False, "verbose": 0}
    return {
        "training": lambda: model.fit(images, **fit),
        "sampling": lambda: _sample(model, sizes.samples, sizes.sample_steps),
    }


def _twin_runs(twin: plain.Twin, sizes: Sizes, images: np.ndarray) -> dict[str, Callable[[], Any]]:
    def train() -> None:
        for start in range(0, len(images), sizes.batch):
            twin.train(images[start : start + sizes.batch])
        twin.mean()

    return {"training": train, "sampling": lambda: twin.sample(sizes.samples, sizes.sample_steps)}


def _sample(model: kgen.Diffusion, n: int, steps: int, **options: Any) -> np.ndarray:
    return model.sample(n, solver=kgen.diffusion.Euler(), steps=steps, **{"seed": 0, **options})


def _twin(network: keras.Model, sizes: Sizes, compiled: bool) -> plain.Twin:
    """The same network in torch, checked with weights that are not zero anywhere."""
    rng = np.random.default_rng(0)
    twin = plain.Twin(plain.UNet(sizes.width), sizes.size, compiled, _DEVICE)
    for weight in network.weights:
        weight.assign(weight + 0.02 * rng.normal(size=weight.shape).astype("float32"))
    kinds = {
        "conv": keras.layers.Conv2D,
        "norm": keras.layers.GroupNormalization,
        "dense": keras.layers.Dense,
    }
    layers = {
        kind: [list(map(_array, x.weights)) for x in network.layers if isinstance(x, cls)]
        for kind, cls in kinds.items()
    }
    plain.load(twin.network, layers)
    x = rng.normal(size=(_CHECKED, sizes.size, sizes.size, 1)).astype("float32")
    t = np.linspace(0.1, 0.9, _CHECKED, dtype="float32")
    with torch.no_grad():
        inputs = (torch.from_numpy(x).permute(0, 3, 1, 2), torch.from_numpy(t))
        expected = twin.network(*(tensor.to(_DEVICE) for tensor in inputs))
    difference = np.abs(_array(network([x, t])) - expected.permute(0, 2, 3, 1).cpu().numpy()).max()
    if not difference < _TOLERANCE:
        raise AssertionError(f"the two networks differ by {difference}")
    return twin


def _compiled_anew(sizes: Sizes, jit: bool) -> int:
    """How often the network is compiled again for another seed, other labels, another guidance."""
    model = build(sizes, jit, time=CountedFeatures(8), classes=3)
    options = {"labels": 0, "guidance": 1.0}
    _sample(model, 2, 2, **options)
    before = CountedFeatures.calls
    for change in ({"seed": 1}, {"labels": 2}, {"guidance": 3.0}):
        _sample(model, 2, 2, **{**options, **change})
    return CountedFeatures.calls - before


def _images(sizes: Sizes) -> np.ndarray:
    shape = (sizes.steps * sizes.batch, sizes.size, sizes.size, 1)
    return np.random.default_rng(0).uniform(-1.0, 1.0, shape).astype("float32")


def _peak() -> float:
    matrix = torch.ones(_PEAK_SIZE, _PEAK_SIZE, device=_DEVICE)
    seconds = []
    for _ in range(3):
        start = clocks()[0]
        (matrix @ matrix)[0, 0].item()  # waits for a GPU
        seconds.append(clocks()[0] - start)
    return 2.0 * _PEAK_SIZE**3 / min(seconds)


def _has_bfloat16() -> bool:
    """As Linux tells it; a GPU has it."""
    if _DEVICE == "cuda":
        return True
    file = Path("/proc/cpuinfo")
    words = file.read_text().split() if file.exists() else []
    return bool(set(_FLAGS) & set(words))


def _array(tensor: Any) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(tensor))


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    part, jit, result = (task.pop(name) for name in ("part", "jit", "result"))
    if _DEVICE == "cuda":
        torch.set_float32_matmul_precision("high")  # TensorFloat-32, as JAX has it anyway
    measured = {"against": against, "precision": precision, "steps": steps}[part]
    Path(result).write_text(json.dumps(list(measured(Sizes(**task), jit))))
