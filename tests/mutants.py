"""Seeds faults into a copy of kgen, and says whether the tests catch them: `python tests/mutants.py`.

    python tests/mutants.py                      every fault, against the tests that should catch it
    python tests/mutants.py --only gan,EMA       those whose name has one of the words
    python tests/mutants.py --old COMMIT         against the tests of an older commit

Not a part of `make test`: it takes half an hour. The exit status is how many faults survived.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Mutant:
    """A place in kgen, what stands there, the fault, and the tests that should catch it.

    `tests` run on torch unless they begin with another backend; "replay" and a backend has that repeat
    the calls of tests on torch. `old` are those of the suite before there were records and ledgers,
    where they differ, and `was` the file, the text and the fault there.
    """

    name: str
    file: str
    text: str
    fault: str
    tests: str
    old: str = ""
    was: tuple[str, str, str] | None = None


# Where files stood in the suite before there were records.
WERE = {
    "backend/jax/step.py": "backend/jax.py",
    "backend/tensorflow/step.py": "backend/tensorflow.py",
    "backend/tensorflow/kernels.py": "backend/tensorflow.py",
    "backend/tensorflow/threefry.py": "backend/tensorflow.py",
    "backend/tensorflow/adam.py": "backend/tensorflow_adam.py",
    "backend/tensorflow/saved_model.py": "backend/saved_model.py",
    "backend/torch/kernels.py": "backend/torch_layers.py",
    "backend/torch/adam.py": "backend/torch_adam.py",
    "backend/torch/threefry.py": "backend/torch_threefry.py",
    "backend/torch/loop.py": "backend/torch_loop.py",
}

MUTANTS = [
    Mutant(
        "the sign of a loss",
        "vae/model.py",
        "self.beta * kl - log_likelihood)",
        "self.beta * kl + log_likelihood)",
        "tests/vae/test_linear_gaussian.py",
    ),
    Mutant(
        "hinge without its margin",
        "gan/losses.py",
        "ops.relu(1.0 + fake)",
        "ops.relu(fake)",
        "tests/gan/test_losses.py",
    ),
    Mutant(
        "a penalty twice as large",
        "gan/penalties.py",
        "0.5 * self.weight * ops.mean(squared_slope(critic, real))",
        "self.weight * ops.mean(squared_slope(critic, real))",
        "tests/gan/test_penalties.py",
    ),
    Mutant(
        "a missing stop_gradient: the teacher",
        "diffusion/distillation/consistency.py",
        "ops.stop_gradient(self._agreed(x_s, s, named))",
        "self._agreed(x_s, s, named)",
        "tests/diffusion/test_distillation.py",
    ),
    Mutant(
        "a missing stop_gradient: the norm of a kernel",
        "layers/spectral_norm.py",
        "fixed, u = ops.stop_gradient(matrix), self.u.value",
        "fixed, u = matrix, self.u.value",
        "tests/layers/test_spectral_norm.py",
    ),
    Mutant(
        "a forgotten optimizer slot",
        "core/optimizers.py",
        "for i, variable in enumerate(member.variables)}",
        "for i, variable in enumerate(member.variables[:-1])}",
        "tests/promises/test_saving.py -k wgan_gp",
        "tests/contract/test_saving.py -k wgan_gp",
    ),
    Mutant(
        "rates that do not keep their ratio",
        "core/optimizers.py",
        "float(value) * ratio",
        "float(value)",
        "tests/core/test_optimizers.py",
    ),
    Mutant(
        "a seed that is not saved",
        "core/saving.py",
        "        _save_seeds(self, store)\n",
        "        store['seed_generator_0'] = keras.ops.convert_to_numpy([0, 0])\n",
        "tests/core/test_engine.py",
    ),
    Mutant(
        "a random stream that stands still",
        "core/stream.py",
        "ops.convert_to_tensor([0, 0, 1]",
        "ops.convert_to_tensor([0, 0, 0]",
        "tests/core/test_engine.py",
    ),
    Mutant(
        "an EMA off by one",
        "core/ema.py",
        "(1.0 + n) / (10.0 + n)",
        "(2.0 + n) / (10.0 + n)",
        "tests/core/test_engine.py",
    ),
    Mutant(
        "an average that is not updated",
        "core/step.py",
        "average.update()",
        "average.updates",
        "tests/autoregressive tests/promises/test_saving.py -k pixelcnn",
        "tests/autoregressive tests/contract tests/parity -k pixelcnn",
        ("autoregressive/model.py", "self.ema.update()", "self.ema.updates"),
    ),
    Mutant(
        "a wrong log-determinant",
        "flow/transforms/affine.py",
        "* ops.exp(-log_scale), -log_scale",
        "* ops.exp(-log_scale), log_scale",
        "tests/flow/test_flow_transforms.py",
    ),
    Mutant(
        "the log-determinant of one pixel of many",
        "flow/layers/linear.py",
        "zero_ladj(x) - _positions(x) * ops.sum(log_scale)",
        "zero_ladj(x) - ops.sum(log_scale)",
        "tests/flow/test_flow_transforms.py",
    ),
    Mutant(
        "a mask shifted",
        "layers/masked_conv.py",
        'centre + (mask == "B") :',
        'centre + 1 + (mask == "B") :',
        "tests/autoregressive/test_causality.py",
    ),
    Mutant(
        "noise shared by two examples of a step",
        "core/stream.py",
        'ops.arange(ops.shape(like)[0], dtype="int32"))',
        'ops.arange(ops.shape(like)[0], dtype="int32") // 2)',
        "tests/core tests/vae tests/flow tests/diffusion",
    ),
    Mutant(
        "noise shared by two samples",
        "random.py",
        "index = np.arange(start, start + n, dtype=np.uint32)",
        "index = np.arange(start, start + n, dtype=np.uint32) // 2",
        "tests/test_random.py",
    ),
    Mutant(
        "an endpoint traced with a fixed batch",
        "backend/tensorflow/saved_model.py",
        "tf.TensorSpec(spec.shape,",
        "tf.TensorSpec((5, *spec.shape[1:]),",
        "tests/promises/test_export.py -k conv_vae",
        "tensorflow tests/export/test_saved_model.py -k conv_vae",
    ),
    Mutant(
        "a range that is not checked",
        "core/check.py",
        "if limits is not None and (low < limits[0] - 1e-3",
        "if x.ndim == 5 and (low < -1.0 - 1e-3",
        "tests/core/test_check.py",
        was=(
            "core/check.py",
            "if x.ndim == 4 and (low < -1.0 - 1e-3",
            "if x.ndim == 5 and (low < -1.0 - 1e-3",
        ),
    ),
    Mutant(
        "NaN that is not checked",
        "core/check.py",
        "if not np.isfinite([low, high]).all():",
        "if np.isinf([low, high]).all():",
        "tests/core/test_check.py",
    ),
    Mutant(
        "a full disk takes the old file",
        "core/saving.py",
        "save(temporary, overwrite=True, **kwargs)",
        "path.unlink(missing_ok=True); save(temporary, overwrite=True, **kwargs)",
        "tests/engine/test_files.py",
        "tests/contract/test_saving.py -k gan",
    ),
    Mutant(
        "torch alone: GroupNorm",
        "backend/torch/kernels.py",
        "torch.clamp(square - mean * mean, min=0.0) + epsilon",
        "torch.clamp(square - mean * mean, min=0.0) + 10 * epsilon",
        "tests/layers/test_group_norm.py",
    ),
    Mutant(
        "torch alone: the derivative of GroupNorm",
        "backend/torch/kernels.py",
        "-inverse * g - mean * slope",
        "-inverse * g + mean * slope",
        "tests/layers/test_group_norm.py",
    ),
    Mutant(
        "torch alone: Adam",
        "backend/torch/adam.py",
        "optimizer.iterations + 1",
        "optimizer.iterations + 2",
        "tests/backend/test_adam.py",
    ),
    Mutant(
        "torch alone: Threefry",
        "backend/torch/threefry.py",
        "x >> np.uint32(32 - distance)",
        "x >> np.uint32(31 - distance)",
        "tests/test_random.py",
    ),
    Mutant(
        "TensorFlow alone: Threefry",
        "backend/tensorflow/threefry.py",
        "tf.bitwise.right_shift(x, 32 - distance) & ((1 << distance) - 1)",
        "tf.bitwise.right_shift(x, 32 - distance)",
        "replay tensorflow tests/test_random.py",
        "tensorflow tests/test_random.py",
    ),
    Mutant(
        "TensorFlow alone: BatchNorm",
        "backend/tensorflow/kernels.py",
        "variance * ((size - 1.0) / size)",
        "variance",
        "tensorflow tests/layers/test_batch_norm.py",
    ),
    Mutant(
        "TensorFlow alone: Adam",
        "backend/tensorflow/adam.py",
        "optimizer.iterations + 1",
        "optimizer.iterations + 2",
        "tensorflow tests/backend/test_adam.py",
    ),
    Mutant(
        "TensorFlow alone: sparse gradients",
        "backend/tensorflow/step.py",
        "tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g",
        "g",
        "tests/promises/test_training.py -k 'cgan or lstm'",
        "jax tests/parity -k 'cgan or lstm'",
    ),
    Mutant(
        "JAX alone: what a loss assigns",
        "backend/jax/step.py",
        "new)\n    return (value, auxiliary), gradients",
        "variable.value)\n    return (value, auxiliary), gradients",
        "tests/promises/test_training.py -k dcgan",
        "jax tests/parity -k dcgan",
    ),
    Mutant(
        "JAX alone: a transposed convolution",
        "layers/conv_transpose.py",
        "(added + 1) // 2",
        "added // 2",
        "jax tests/layers/test_conv_transpose.py",
    ),
    Mutant(
        "JAX alone: weights lost with an error",
        "backend/jax/step.py",
        "if variable._value is None and not value.is_deleted():",
        "if variable._value is None and value.is_deleted():",
        "jax tests/core tests/callbacks tests/engine -m every_backend",
        "jax tests/core tests/callbacks",
    ),
    Mutant(
        "V with another sign",
        "diffusion/targets.py",
        "-schedule.b(t), schedule.a(t)",
        "schedule.b(t), schedule.a(t)",
        "tests/diffusion/test_targets.py",
    ),
    Mutant(
        "Heun without its half",
        "diffusion/solvers/heun.py",
        "0.5 * (s - t) * (velocity + later)",
        "(s - t) * (velocity + later)",
        "tests/diffusion/test_solvers_gaussian.py",
    ),
    Mutant(
        "a loop whose closure is that of another shape",
        "backend/torch/loop.py",
        "self.position += 1",
        "self.position += 0",
        "tests/backend/test_loops.py tests/autoregressive tests/promises -k 'loop or pixelcnn'",
        "tests/backend/test_loops.py tests/autoregressive tests/contract -k 'loop or pixelcnn'",
    ),
    Mutant(
        "a step counted twice",
        "core/optimizers.py",
        "self.iterations.assign(self.iterations + 1)",
        "self.iterations.assign(self.iterations + 2)",
        "tests/core",
    ),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="words of names, with commas between")
    parser.add_argument("--old", help="a commit whose tests are to catch the faults")
    options = parser.parse_args()
    words = options.only.split(",")
    survived = 0
    for mutant in MUTANTS:
        if any(word in mutant.name for word in words):
            caught = catches(mutant, options.old)
            survived += not caught
            print(f"{'caught' if caught else 'SURVIVED':9} {mutant.name}", flush=True)
    return survived


def catches(mutant: Mutant, old: str | None) -> bool:
    """Whether a test fails on a copy with the fault."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        archive = subprocess.run(
            ["git", "archive", old or "HEAD"], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "-x", "-C", copy], input=archive.stdout, check=True)
        change = mutant.file, mutant.text, mutant.fault
        if old:
            change = mutant.was or (WERE.get(mutant.file, mutant.file), *change[1:])
        seed(copy / "kgen", *change)
        tests = (mutant.old if old else "") or mutant.tests
        return run(tests, copy) != 0


def seed(kgen: Path, file: str, text: str, fault: str) -> None:
    path = kgen / file
    source = path.read_text()
    if source.count(text) != 1:
        raise SystemExit(f"{source.count(text)} places in {file} with {text!r}, not one")
    path.write_text(source.replace(text, fault))


def run(tests: str, copy: Path) -> int:
    """The exit status of pytest; 0 also where nothing was left to run."""
    words = shlex.split(tests)
    if words[0] == "replay":
        ledger = ["--ledger", str(copy / "ledger")]
        return pytest("torch", [*words[2:], *ledger], copy) or pytest(
            words[1], ["tests/ledger", *ledger], copy
        )
    backend = words.pop(0) if words[0] in ("jax", "tensorflow") else "torch"
    return pytest(backend, words, copy)


def pytest(backend: str, arguments: list[str], copy: Path) -> int:
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *arguments]
    result = subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False)
    if result.returncode == 5:  # no tests
        raise SystemExit(result.stdout.decode()[-2000:] + result.stderr.decode()[-2000:])
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
