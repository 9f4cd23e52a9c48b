"""One backend's process: makes records as it is asked, a JSON line each, until its input ends.

`KERAS_BACKEND=... python worker.py`. A line names a job of `JOBS`, its family and its files; the answer
is a line with the CPU seconds that it took, and what went wrong.
"""

import json
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
import conftest  # noqa: F401 - one thread, and what XLA need not do
import numpy as np
from export import export
from families import named
from record import go_on, record


def eager(family, folder):
    """What the others are compared with: the same without any compilation."""
    return record(family, folder / "eager", eager=True)


JOBS = {"record": record, "eager": eager, "go_on": go_on, "export": export}


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    for line in sys.stdin:
        job, name, source, target = json.loads(line)
        family = named(name)
        start, problem = time.process_time(), ""
        try:
            np.savez(target, **JOBS[job](family, Path(source)))
        except Exception:
            problem = traceback.format_exc()
        print(json.dumps([time.process_time() - start, problem]), file=answers, flush=True)


if __name__ == "__main__":
    main()
