"""One process, one backend (KERAS_BACKEND), one thread: two test processes share two cores."""

import os
import sys
import tempfile
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# tf2onnx copies the graph before each of its optimisations, in case one fails: here that is an error.
os.environ.setdefault("TF2ONNX_CATCH_ERRORS", "FALSE")
# Compiling is most of what the tests of XLA cost; their models are too small to gain by LLVM's passes.
# A word without dashes would end what XLA reads of its flags.
# torch is the quickest for what no compiler sees, and runs every test.
os.environ.setdefault("KERAS_BACKEND", "torch")
_quick = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
os.environ.setdefault("XLA_FLAGS", f"--xla_cpu_multi_thread_eigen=false {_quick}")

# JAX compiles the same small models and operations in many tests: once is enough.
_cache = tempfile.TemporaryDirectory(prefix="kgen-jax-")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", _cache.name)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

import budget  # noqa: E402
import keras  # noqa: E402
import pytest  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--ledger", help="a folder: torch writes what its tests compute, others repeat it")

    parser.addoption("--family", help="of the promises only those of these families: vae,gan")


def pytest_configure(config):
    """On torch, listens to the tests and writes their calls into the folder."""
    config.recorder = None
    folder = config.getoption("--ledger")
    if folder:  # what is written down names functions of the tests
        sys.path += [str(path) for path in Path(__file__).parent.rglob("*") if path.is_dir()]
    if folder and keras.backend.backend() == "torch":
        from recorder import Recorder

        config.recorder = Recorder()
        config.recorder.install()


def pytest_report_header(config):
    name = keras.backend.backend()
    return (
        f"backend: {name} (KERAS_BACKEND). torch runs every test; -m every_backend is what others run"
    )


# Rooms that are about the backends; elsewhere a test that is says so itself.
EVERY_BACKEND = ("backend", "engine", "layers")


def pytest_collection_modifyitems(config, items):
    root, names = Path(__file__).parent, config.getoption("--family")
    if names:
        items[:] = [item for item in items if _family(item) in (None, *names.split(","))]
    for item in items:
        room = item.path.relative_to(root).parts[0] if item.path.is_relative_to(root) else ""
        if room == "promises":  # the first waits for the records of all families
            item.add_marker(pytest.mark.timeout(2400))
        if room in EVERY_BACKEND:
            item.add_marker(pytest.mark.every_backend)


def _family(item):
    """The name of the family that a test is about, or None."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return getattr(parameters.get("family"), "name", None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    recorder = item.config.recorder
    if recorder is None or item.get_closest_marker("every_backend"):
        return (yield)
    recorder.test = item.nodeid
    try:
        return (yield)
    finally:
        recorder.test = None


def pytest_unconfigure(config):
    seconds = os.environ.get("KGEN_TEST_SECONDS")  # a folder: see budget.py
    if seconds:
        budget.write(Path(seconds), config.stash.get(budget.RECORDS, {}))
    if config.recorder is not None:
        config.recorder.save(Path(config.getoption("--ledger")) / f"{os.getpid()}.ledger")
        for reason, count in config.recorder.left_out.most_common(30):
            print(f"{count} calls not written down: {reason}")
        print(f"{len(config.recorder.entries)} calls written down")


@pytest.fixture(autouse=True)
def _fresh_keras():
    """Each test starts from the same seeds and the default precision."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")
    yield
    keras.config.set_dtype_policy("float32")
