"""What the benchmarks share: a process for each row, and two clocks."""

import json
import os
import subprocess
import sys
import tempfile
import time
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
