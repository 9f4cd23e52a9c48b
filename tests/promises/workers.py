"""Warm processes, one a backend and one that exports, and the queues of their jobs: two at work."""

import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

BACKENDS = ("tensorflow", "jax", "torch")
# Whose files a backend takes up: each one's are read by another.
FOREIGN = {"jax": "torch", "tensorflow": "jax", "torch": "tensorflow"}
AT_WORK = 2


@dataclass
class Job:
    """One line for a worker, the job that it needs the file of, and what became of it."""

    kind: str
    backend: str
    family: str
    source: Path
    target: Path
    needs: "Job | None" = None
    seconds: float = 0.0
    problem: str = ""
    done: threading.Event = field(default_factory=threading.Event)


class Workers:
    """Has the records of some families made, all at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: dict[tuple[str, str, str], Job] = {}

    def make(self, families: list[str]) -> None:
        """Runs every job of these families; afterwards each is done, or has its problem."""
        for backend in BACKENDS:
            (self.folder / backend / "eager").mkdir(parents=True)
        for family in families:
            self._add(family)
        at_work = threading.Semaphore(AT_WORK)
        queues = defaultdict(list)
        for job in self.jobs.values():  # exports apart: TensorFlow keeps all that it compiles in memory
            queues[job.backend, job.kind == "export"].append(job)
        threads = [
            threading.Thread(target=_work, args=(backend, _ordered(jobs), at_work))
            for (backend, _), jobs in queues.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _add(self, family: str) -> None:
        records = {
            backend: self._job("record", backend, family, self.folder / backend) for backend in BACKENDS
        }
        self._job("eager", "torch", family, self.folder / "torch")
        for backend, other in FOREIGN.items():
            file = self.folder / other / f"{family}.keras"
            self._job("go_on", backend, family, file, records[other])
        file = self.folder / "torch" / f"{family}.keras"
        self._job("export", "tensorflow", family, file, records["torch"])

    def _job(self, kind: str, backend: str, family: str, source: Path, needs: Job | None = None) -> Job:
        target = self.folder / backend / f"{family}-{kind}.npz"
        job = Job(kind, backend, family, source, target, needs)
        self.jobs[kind, backend, family] = job
        return job


def _ordered(jobs: list[Job]) -> list[Job]:
    """Records first: the others wait for the files of other workers."""
    return sorted(jobs, key=lambda job: job.needs is not None)


def _work(backend: str, jobs: list[Job], at_work: threading.Semaphore) -> None:
    """Feeds one worker; a worker that dies fails its job and is started anew."""
    process = _start(backend)
    for job in jobs:
        if job.needs is not None:
            job.needs.done.wait()
        with at_work:
            line = [job.kind, job.family, str(job.source), str(job.target)]
            try:
                print(json.dumps(line), file=process.stdin, flush=True)
                job.seconds, job.problem = json.loads(process.stdout.readline())
            except (OSError, json.JSONDecodeError):
                job.problem = f"the {backend} worker died at {line}"
                process.kill()
                process = _start(backend)
        job.done.set()
    process.stdin.close()
    process.wait()


def _start(backend: str) -> subprocess.Popen:
    environment = os.environ | {"KERAS_BACKEND": backend}
    return subprocess.Popen(
        [sys.executable, Path(__file__).with_name("worker.py")],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
