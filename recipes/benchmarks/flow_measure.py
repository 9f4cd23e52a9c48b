"""Measures kgen's flows on the backend of this process; see `flow.py`.

zuko runs in the same process, whatever kgen's backend is: so both meet the same neighbours on the
machine, and each round of blocks gives one ratio.
"""

import json
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import flow_zuko
import keras
import numpy as np
from shared import race, ratio

import kgen


class Sizes(NamedTuple):
    """The options of `flow.py`."""

    features: int
    transforms: int
    hidden: list[int]
    bins: int
    batch: int
    steps: int
    examples: int
    blocks: int


def build(name: str, sizes: Sizes) -> kgen.Flow:
    """Makes kgen's flow of a name."""
    shape, options = (sizes.features,), {"layers": sizes.transforms, "hidden": sizes.hidden, "seed": 0}
    spline = {**options, "bins": sizes.bins}
    makers = {
        "RealNVP": lambda: kgen.flow.RealNVP(shape, **options),
        "spline couplings": lambda: kgen.flow.NeuralSplineFlow(shape, **spline),
        "MAF": lambda: kgen.flow.MAF(shape, **options),
        "spline MAF": lambda: kgen.flow.NeuralSplineFlow(shape, autoregressive=True, **spline),
    }
    return makers[name]()


def both(name: str, sizes: Sizes) -> tuple[kgen.Flow, flow_zuko.Zuko]:
    """Makes kgen's flow and zuko's. Raises AssertionError where one is more than 5 % larger."""
    flow = flow_zuko.FLOWS[name](sizes.features, sizes.transforms, sizes.hidden, sizes.bins)
    ours, theirs = build(name, sizes), flow_zuko.Zuko(flow)
    found = parameters(ours) / theirs.parameters
    if not 0.95 <= found <= 1.05:
        raise AssertionError(f"{name} of kgen has {found:.2f} times the parameters of zuko's")
    return ours, theirs


def parameters(model: kgen.Flow) -> int:
    """How many numbers are trained."""
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def compare(name: str, sizes: Sizes, jit: bool) -> Iterator[dict[str, Any]]:
    """Three rows: training, log-densities, samples."""
    model, peer = both(name, sizes)
    model.compile(keras.optimizers.Adam(flow_zuko.RATE), jit_compile=jit)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(sizes.steps * sizes.batch, sizes.features)).astype("float32")
    n, few = sizes.examples, x[: sizes.examples]
    fit = {"batch_size": sizes.batch, "shuffle": False, "verbose": 0}
    runs: dict[str, tuple[int, Callable[[], Any], Callable[[], Any]]] = {
        "training": (sizes.steps, lambda: model.fit(x, **fit), lambda: peer.train(x, sizes.batch)),
        "log_prob": (n, lambda: model.log_prob(few, batch_size=n), lambda: peer.log_prob(few)),
        "samples": (n, lambda: model.sample(n, seed=0, batch_size=n), lambda: peer.sample(n)),
    }
    for what, (count, ours, theirs) in runs.items():
        seconds = race({"kgen": ours, "zuko": theirs}, sizes.blocks)
        rates = {side: count / statistics.median(times[:, 0]) for side, times in seconds.items()}
        yield {"what": what, "rates": rates, "ratio": ratio(seconds["zuko"], seconds["kgen"])}


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    name, jit, result = (task.pop(key) for key in ("flow", "jit", "result"))
    sizes = Sizes(**task)
    if jit is None:  # only the sizes of both
        model, peer = both(name, sizes)
        found: list[Any] = [parameters(model), peer.parameters]
    else:
        found = list(compare(name, sizes, jit))
    Path(result).write_text(json.dumps(found))
