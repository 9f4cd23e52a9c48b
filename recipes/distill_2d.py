"""Few-step students of one teacher on points in the plane: RUN/samples/quality.png and a table.

Paper: "Flow Straight and Fast" (Liu et al., 2023); "Progressive Distillation for Fast Sampling of
Diffusion Models" (Salimans and Ho, 2022); "Consistency Models" (Song et al., 2023).
Command: KERAS_BACKEND=jax python recipes/distill_2d.py
Time: 93 s of CPU time.
Target: with one network call a sliced Wasserstein distance below 0.1; the teacher's is above 0.5.
Measured: 0.690 teacher, 0.031 reflow, 0.030 progressive, 0.034 consistency; 0.013 real data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

import kgen


@dataclass(frozen=True)
class Config(kgen.runs.Config):
    """The options of this recipe."""

    data: str = "moons"
    examples: int | None = 8192
    epochs: int = 60
    """Of the teacher and the consistency model; the others take fewer."""
    batch_size: int = 256
    width: int = 96
    """Of the residual blocks."""
    learning_rate: float = 2e-3
    """Of Adam, in the beginning; it falls to 0."""
    evaluations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    """Network calls for a sample; progressive students go from the last number to the first."""


def models(config: Config, x: np.ndarray, quality: "kgen.evaluation.Quality") -> Iterator[tuple]:
    """Gives solvers, model, data, epochs, network calls; goes on once that model is trained."""
    d, epochs, calls = kgen.diffusion, config.epochs, config.evaluations
    teacher = kgen.Diffusion(kgen.networks.residual_mlp(2, config.width), ema_decay=0.999)
    solvers = {"teacher, DDIM": d.DDIM(), "teacher, DPM-Solver++": d.DPMSolverPP2M()}
    yield solvers, teacher, (x,), epochs, calls
    pairs = d.reflow_pairs(teacher, len(x), steps=32, seed=config.seed)
    student = kgen.Diffusion(d.student_network(teacher), ema_decay=0.999)
    yield {"reflow": d.DDIM()}, student, pairs, -(-epochs // 2), calls
    student = teacher
    for steps in reversed(calls):
        student = d.ProgressiveDistillation.of(student, steps, ema_decay=0.99)
        yield {"progressive": d.DDIM()}, student, (x,), -(-epochs // 4), (steps,)
    student = d.ConsistencyModel.of(teacher, halve_every=150, target_decay=0.95, ema_decay=0.999)
    yield {"consistency": d.Renoise()}, student, (x,), epochs, calls
    print(quality)


def main(config: Config) -> None:
    import keras  # here, so that --help and mistakes in the options are answered at once

    keras.utils.set_random_seed(config.seed)
    run = kgen.runs.Run(config)
    x, test = config.load("train").x, config.load("test").x[:4000]
    distance = kgen.metrics.sliced_wasserstein
    quality = kgen.evaluation.Quality("sliced Wasserstein distance", distance(x, test))

    def show(model: kgen.Diffusion, solvers: dict, calls: tuple, logs: dict) -> None:
        for name, solver in solvers.items():
            for n in calls:
                points = model.sample(len(test), solver=solver, steps=n, seed=config.seed)
                quality.add(name, n, distance(points, test))
        quality.save(run.path / "samples" / "quality.png")

    for solvers, model, data, epochs, calls in models(config, x, quality):
        steps = epochs * -(-len(x) // config.batch_size)
        rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps)
        model.compile(keras.optimizers.Adam(rate), jit_compile=config.jit_compile)
        end = keras.callbacks.LambdaCallback(on_train_end=partial(show, model, solvers, calls))
        model.fit(*data, batch_size=config.batch_size, epochs=epochs, verbose=0, callbacks=[end])


if __name__ == "__main__":
    kgen.runs.cli(main, Config)
