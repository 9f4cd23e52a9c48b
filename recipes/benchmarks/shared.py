"""What the benchmarks share: a process for each row, two clocks, rounds in turn and their ratios."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def measure(script: str, backend: str, task: dict[str, Any]) -> Any:
    """Runs a script of this folder in a process of its own: a backend, nothing left of another row.

    The script takes the task as JSON, its only argument, and writes JSON to the task's "result".
    """
    with tempfile.TemporaryDirectory() as directory:
        result = Path(directory) / "row.json"
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        arguments = [Path(__file__).with_name(script), json.dumps({**task, "result": str(result)})]
        subprocess.run([sys.executable, *arguments], env=environment, check=True)
        return json.loads(result.read_text())


def clocks() -> np.ndarray:
    """Seconds on the wall, and seconds that this process computed."""
    return np.array([time.perf_counter(), time.process_time()])


def race(
    runs: dict[Any, Callable[[], Any]], blocks: int, after: Callable[[], None] = lambda: None
) -> dict[Any, np.ndarray]:
    """Runs each once, then all in turn; gives seconds `(blocks, 2)`, on the wall and computed.

    `after` is called after each round.
    """
    for run in runs.values():
        run()
    seconds = {name: [] for name in runs}
    for _ in range(blocks):
        for name, run in runs.items():
            start = clocks()
            run()
            seconds[name].append(clocks() - start)
        after()
    return {name: np.array(times) for name, times in seconds.items()}


def ratio(slower: np.ndarray, faster: np.ndarray) -> list[float]:
    """The median, least and largest ratio of the rounds on the wall, and the median in CPU time."""
    wall, cpu = (slower / faster).T
    return [float(f(wall)) for f in (np.median, np.min, np.max)] + [float(np.median(cpu))]
