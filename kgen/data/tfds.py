"""Image sets of tensorflow-datasets, read without TensorFlow (array_record files).

Each set has a directory of its own: with a shared one, tensorflow-datasets can take the extracted
files of one set for another's. Preparing a set the first time may import TensorFlow; reading never.
"""

import os
import socket
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from kgen.data.checks import check_split, spread
from kgen.data.images import RANGE, resize, to_float
from kgen.data.lazy import LazyArray
from kgen.data.spec import Dataset, make_dataset
from kgen.errors import did_you_mean

_TIMEOUT = 2.0  # seconds to wait for the host of a data set
_DEFAULT_HOST = "https://storage.googleapis.com"


def data_dir(name: str) -> Path:
    """Gives the directory of a set: in `$KGEN_DATA_DIR/tfds`, or else the user's cache."""
    root = os.environ.get("KGEN_DATA_DIR")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    parent = Path(root) / "tfds" if root else Path(cache) / "kgen" / "tfds"
    return parent / name.partition("/")[0].partition(":")[0]


def load_tfds(
    name: str,
    called: str,
    split: str,
    size: int | None = None,
    resolution: int | None = None,
    hint: str = "",
) -> Dataset:
    """Reads a set by its name at tensorflow-datasets, fetching it the first time.

    x: float32 (n, height, width, channels) in [-1, 1], lazy above 1 GiB; y: int32 (n,) or None.
    Raises ModuleNotFoundError without tensorflow-datasets; ConnectionError within seconds where
    the set must be fetched and its host cannot be reached (`hint` says what else can be done);
    ValueError for an unknown set or split, one without uint8 images, or images of different sizes
    without `resolution`.
    """
    builder = _prepared_builder(name, hint)
    check_split(called, split, builder.info.splits)
    chosen = spread(called, builder.info.splits[split].num_examples, size)
    x = _images(builder, called, split, chosen, resolution).in_memory_if_small()
    y, classes = _labels(builder, split, chosen)
    if isinstance(x, np.ndarray) and y is not None:
        y = y[:]
    return make_dataset(called, split, x, y, classes, RANGE, builder.info.homepage, "see the source")


def _prepared_builder(name: str, hint: str) -> Any:
    try:
        import tensorflow_datasets as tfds
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"data set {name!r} comes from tensorflow-datasets, which cannot be imported "
            f'({error}): pip install "kgen[data]"{hint and "; or " + hint}'
        ) from error
    folder = data_dir(name)
    try:
        builder = tfds.builder(name, data_dir=folder, file_format="array_record")
    except tfds.core.DatasetNotFoundError:
        known = tfds.list_builders(with_community_datasets=False)
        message = f"tensorflow-datasets has no data set {name!r}: {did_you_mean(name, known)}"
        raise ValueError(message) from None
    if not builder.is_prepared():
        _check_host(next(iter(builder.url_infos), _DEFAULT_HOST), name, hint, folder)
        builder.download_and_prepare()
    return builder


def _check_host(url: str, name: str, hint: str, folder: Path) -> None:
    """Raises ConnectionError unless the host answers soon: tfds itself would retry for minutes."""
    reason = why_unreachable(url, _TIMEOUT)
    if reason:
        hint = hint or f"prepare it elsewhere (file_format='array_record') and copy it to {folder}"
        raise ConnectionError(
            f"data set {name!r} is not on this machine and cannot be fetched: {reason}. "
            f"Check the network; or {hint}"
        )


def why_unreachable(url: str, timeout: float) -> str | None:
    """Says why no connection to the host of `url` (or the proxy for it) opens; None: one does.

    The name look-up of a socket has no timeout, hence the thread.
    """
    parts = urllib.parse.urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname):
        parts = urllib.parse.urlsplit(proxy)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    reason = [f"{parts.hostname} does not answer within {timeout:g} s"]

    def connect() -> None:
        try:
            socket.create_connection((parts.hostname, port), timeout).close()
            reason[0] = None
        except OSError as error:
            reason[0] = f"{parts.hostname}: {error}"

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(timeout)
    return reason[0]


def _images(
    builder: Any, called: str, split: str, chosen: np.ndarray, resolution: int | None
) -> LazyArray:
    features = builder.info.features
    feature = dict(features).get("image")
    if feature is None or feature.np_dtype != np.uint8 or len(feature.shape) != 3:
        raise ValueError(f"data set {called!r} has no uint8 images, only: {features}")
    if resolution is None and None in feature.shape:
        raise ValueError(f"{called!r} has images of different sizes: pass resolution=, their side")
    shape = (resolution, resolution, feature.shape[2]) if resolution else feature.shape
    source = builder.as_data_source(split=split)

    def read(numbers: list[int]) -> Iterable[np.ndarray]:
        examples = source.__getitems__(chosen[numbers].tolist())
        return (to_float(resize(example["image"], resolution)) for example in examples)

    return LazyArray(read, (len(chosen), *shape), np.float32)


def _labels(
    builder: Any, split: str, chosen: np.ndarray
) -> tuple[LazyArray | None, tuple[str, ...] | None]:
    """The labels, read without decoding the images, and the names of the classes."""
    import tensorflow_datasets as tfds

    label = dict(builder.info.features).get("label")
    if not isinstance(label, tfds.features.ClassLabel):
        return None, None
    skip = {"image": tfds.decode.SkipDecoding()}
    source = builder.as_data_source(split=split, decoders=skip)

    def read(numbers: list[int]) -> Iterable[np.ndarray]:
        return (example["label"] for example in source.__getitems__(chosen[numbers].tolist()))

    return LazyArray(read, (len(chosen),), np.int32), tuple(label.names)
