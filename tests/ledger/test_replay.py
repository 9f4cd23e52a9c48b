"""What the oracles proved on torch holds here: the same calls, compiled, give the same numbers.

`KERAS_BACKEND=torch pytest --ledger FOLDER tests/...` writes the calls of the tests that it runs;
`KERAS_BACKEND=jax pytest tests/ledger --ledger FOLDER` repeats them.
"""

import os
import pickle
from collections import defaultdict
from pathlib import Path

import keras
import numpy as np
import pytest
from entry import Entry

from kgen import backend

HELD = [  # networks and layers are called as layers of Keras
    *("kgen.autoregressive", "kgen.diffusion", "kgen.distributions", "kgen.flow", "kgen.gan"),
    *("kgen.random", "kgen.vae", "kgen.backend", "keras.Layer"),
]
TOGETHER = 40  # calls in one program
TOLERANCE, OF_LOOPS, OF_HALF = 1e-5, 1e-4, 2e-2  # bfloat16 has 8 bits: 2 roundings of 1/128
LOOPS = (
    "kgen.numerics.ode",
    "kgen.diffusion.solvers",
    "kgen.diffusion.sampling",
    "kgen.diffusion.likelihood",
)
LOOP_FUNCTIONS = ("kgen.backend.fori_loop", "kgen.backend.while_loop")


def read(config) -> list[Entry]:
    folder = config.getoption("--ledger")
    files = sorted(Path(folder).glob("*.ledger")) if folder else []
    return [entry for file in files for entry in pickle.loads(file.read_bytes())]


def pytest_generate_tests(metafunc):
    if "entries" not in metafunc.fixturenames:
        return
    files = defaultdict(list)
    for entry in read(metafunc.config):
        files[entry.test.split("::")[0]].append(entry)
    chunks = {
        f"{Path(file).stem}-{start}": found[start : start + TOGETHER]
        for file, found in files.items()
        for start in range(0, len(found), TOGETHER)
    }
    metafunc.parametrize("entries", chunks.values(), ids=chunks)


def test_the_ledger_of_the_whole_suite_has_calls_of_every_room(request):
    if not os.environ.get("KGEN_TEST_SUITE"):
        pytest.skip("the ledger of a part, or none: `make test` writes a whole one")
    entries = read(request.config)
    names = {entry.name for entry in entries}
    assert [room for room in HELD if not any(name.startswith(room) for name in names)] == []
    assert len(names) > 150
    assert len(entries) > 2000


def test_the_calls_of_the_oracles_give_the_same_numbers_here(entries):
    loaded = [(entry, entry.load_layers()) for entry in entries]
    outputs, refused = run(loaded)
    wrong = [problem(entry, out) for (entry, _), out in zip(loaded, outputs, strict=True)]
    assert not [line for line in wrong if line], "\n".join(line for line in wrong if line)
    print(f"{len(loaded) - refused} compiled, {refused} op by op")


def run(loaded):
    """All calls in one program; where that cannot be traced, each in one of its own, or op by op."""
    try:
        return compiled(loaded), 0
    except Exception:
        if len(loaded) > 1:
            middle = len(loaded) // 2
            halves = [run(loaded[:middle]), run(loaded[middle:])]
            return halves[0][0] + halves[1][0], halves[0][1] + halves[1][1]
        return [op_by_op(*loaded[0])], 1


def compiled(loaded):
    def program(*tensors):
        tensors = list(tensors)
        results = []
        for entry, layers in loaded:
            mine = [tensors.pop(0) for _ in entry.tensors]
            results.append(tuple(entry.run(mine, layers)))
        return tuple(results)

    variables = [v for _, layers in loaded for layer in layers for v in layer.variables]
    jit = keras.backend.backend() == "jax"
    tensors = [keras.ops.convert_to_tensor(t) for entry, _ in loaded for t in entry.tensors]
    results = backend.compile_program(program, variables, jit)(*tensors)
    return [[keras.ops.convert_to_numpy(value) for value in result] for result in results]


def op_by_op(entry: Entry, layers):
    tensors = [keras.ops.convert_to_tensor(t) for t in entry.tensors]
    try:
        return [keras.ops.convert_to_numpy(value) for value in entry.run(tensors, layers)]
    except Exception as error:
        return error


def problem(entry: Entry, found) -> str:
    """What differs from the ledger, or nothing."""
    if isinstance(found, Exception):
        return f"{entry.name} of {entry.test}: {type(found).__name__}: {found}"[:400]
    if [v.shape for v in found] != [v.shape for v in entry.output]:
        return f"{entry.name} of {entry.test}: shapes {[v.shape for v in found]}"
    loop = entry.name.startswith(LOOPS) or entry.name in LOOP_FUNCTIONS
    tolerance = OF_HALF if entry.half else OF_LOOPS if loop else TOLERANCE
    for value, expected in zip(found, entry.output, strict=True):
        value, expected = value.astype("float64"), expected.astype("float64")
        finite = np.isfinite(expected)
        if not np.array_equal(finite, np.isfinite(value)):
            return f"{entry.name} of {entry.test}: NaN or infinite in other places"
        if finite.any():
            scale = max(1.0, np.abs(expected[finite]).max())
            off = np.abs(value - expected)[finite].max() / scale
            if off > tolerance:
                return f"{entry.name} of {entry.test}: off by {off:.1e} of {scale:.3g}"
    return ""
