"""Warm processes, one a backend and one that exports, and the queues of their jobs: two at work."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

BACKENDS = ("tensorflow", "jax", "torch")
# Whose files a backend takes up: each one's are read by another.
FOREIGN = {"jax": "torch", "tensorflow": "jax", "torch": "tensorflow"}
AT_WORK = 2


# The dearest first, so that no process works alone at the end. Exports have a process of their own:
# TensorFlow keeps all that it compiles in memory.
PROCESSES = ("export", "tensorflow", "torch", "jax")


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
    done: bool = False

    @property
    def process(self) -> str:
        return "export" if self.kind == "export" else self.backend

    @property
    def ready(self) -> bool:
        return self.needs is None or self.needs.done


class Workers:
    """Has the records of some families made, all at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: dict[tuple[str, str, str], Job] = {}
        self.pending: list[Job] = []
        self.idle = set(PROCESSES)
        self.changed = threading.Condition()
        self.processes: dict[str, subprocess.Popen] = {}

    def make(self, families: list[str]) -> None:
        """Runs every job of these families; afterwards each is done, or has its problem."""
        for backend in BACKENDS:
            (self.folder / backend / "eager").mkdir(parents=True)
        for family in families:
            self._add(family)
        self.pending = sorted(self.jobs.values(), key=lambda job: PROCESSES.index(job.process))
        threads = [threading.Thread(target=self._work) for _ in range(AT_WORK)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for process in self.processes.values():
            process.stdin.close()
            process.wait()

    def _work(self) -> None:
        """Gives jobs to idle processes until there are none left."""
        while (job := self._next()) is not None:
            self._run(job)
            with self.changed:
                job.done = True
                self.idle.add(job.process)
                self.changed.notify_all()

    def _next(self) -> Job | None:
        """Waits for the first job that can be done."""
        with self.changed:
            while self.pending:
                for job in self.pending:
                    if job.ready and job.process in self.idle:
                        self.pending.remove(job)
                        self.idle.remove(job.process)
                        return job
                self.changed.wait()
        return None

    def _run(self, job: Job) -> None:
        """Has a process do a job; one that dies fails its job and is started anew."""
        if job.process not in self.processes:
            self.processes[job.process] = _start(job.backend)
        process = self.processes[job.process]
        line = [job.kind, job.family, str(job.source), str(job.target)]
        try:
            print(json.dumps(line), file=process.stdin, flush=True)
            job.seconds, job.problem = json.loads(process.stdout.readline())
        except (OSError, json.JSONDecodeError):
            job.problem = f"the {job.backend} worker died at {line}"
            self.processes.pop(job.process).kill()

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
