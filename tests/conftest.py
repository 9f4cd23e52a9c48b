"""One process, one backend (KERAS_BACKEND), one thread: two test processes share two cores."""

import os
import tempfile

for variable in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# tf2onnx copies the graph before each of its optimisations, in case one fails: here that is an error.
os.environ.setdefault("TF2ONNX_CATCH_ERRORS", "FALSE")
# Compiling is most of what the tests of XLA cost; their models are too small to gain by LLVM's passes.
# A word without dashes would end what XLA reads of its flags.
_quick = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
os.environ.setdefault("XLA_FLAGS", f"--xla_cpu_multi_thread_eigen=false {_quick}")

# JAX compiles the same small models and operations in many tests: once is enough.
_cache = tempfile.TemporaryDirectory(prefix="kgen-jax-")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", _cache.name)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

import keras  # noqa: E402
import pytest  # noqa: E402


@pytest.fixture(autouse=True)
def _fresh_keras():
    """Each test starts from the same seeds and the default precision."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")
    yield
    keras.config.set_dtype_policy("float32")
