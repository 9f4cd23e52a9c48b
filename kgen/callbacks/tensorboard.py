"""Writes what TensorBoard reads, on every backend: it needs the package tensorboard, not TensorFlow."""

import os
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from kgen.pictures import save_samples


class EventFile:
    """A new file of events in a folder; each write is on disk when it returns.

    Args:
        folder: made where it does not exist.

    Raises ImportError where the package tensorboard is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError as error:
            raise ImportError(
                'writing for TensorBoard needs its package: pip install "kgen[eval]"',
                name="tensorboard",
            ) from error
        Path(folder).mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self.path = Path(folder) / name
        self._records = RecordWriter(open(self.path, "wb"))  # noqa: SIM115 - closed by `close`
        self._write(file_version="brain.Event:2")

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Adds a point to the curve of each name."""
        self._summary(step, [{"tag": name, "simple_value": value} for name, value in values.items()])

    def samples(self, step: int, name: str, samples: np.ndarray) -> None:
        """Adds a picture of samples: images (n, h, w, c) in [-1, 1], or points (n, 2)."""
        with tempfile.TemporaryDirectory() as folder:
            png = save_samples(samples, Path(folder) / "samples.png").read_bytes()
        width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))  # PNG's header
        image = {"width": width, "height": height, "colorspace": 3, "encoded_image_string": png}
        self._summary(step, [{"tag": name, "image": image}])

    def close(self) -> None:
        """Closes the file."""
        self._records.close()

    def _summary(self, step: int, values: list[dict[str, Any]]) -> None:
        self._write(step=step, summary={"value": values})

    def _write(self, **fields: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=time.time(), **fields).SerializeToString())
        self._records.flush()
