"""Flows and classical densities of toys in the plane, against the toys' exact entropies.

Paper: "Density Estimation Using Real NVP" (Dinh et al., 2017), "Neural Spline Flows" (Durkan et al.,
2019), "Masked Autoregressive Flow" (Papamakarios et al., 2017), "FFJORD" (Grathwohl et al., 2019).
Command: KERAS_BACKEND=jax python recipes/flow_2d.py
Time: 3 minutes of CPU time.
Target: the spline flow within 0.15 nats of the exact log-likelihood of each toy.
Measured: nats below the exact value, in the order of the toys below: NSF 0.060, 0.147, 0.015, 0.036,
0.087, 0.048, 0.007, 0.127; GMM 0.007, 0.014, 0.006, 0.013, 0.216, 0.056, 0.015, 0.650; KDE 0.008 to
0.103; RealNVP, MAF and FFJORD miss ring8, grid25 and rings by 0.6 to 4.
"""

from dataclasses import dataclass

import kgen


@dataclass(frozen=True)
class Config(kgen.runs.Config):
    """The options of this recipe."""

    data: str = "ring8 grid25 moons swissroll checkerboard pinwheel two_gaussians rings"
    """Names of toys."""
    examples: int | None = 8192
    epochs: int = 30
    batch_size: int = 256
    learning_rate: float = 5e-3
    """Of Adam; it falls to zero along a cosine."""


def flows() -> dict[str, kgen.Flow]:
    """One of each kind."""
    return {
        "RealNVP": kgen.flow.RealNVP((2,), layers=8),
        "NSF": kgen.flow.NeuralSplineFlow((2,), layers=4, bins=16, bound=4.0),
        "MAF": kgen.flow.MAF((2,), layers=6),
        "FFJORD": kgen.flow.FFJORD((2,), hidden=(32, 32), steps=4),
    }


def main(config: Config) -> None:
    import keras  # here, so that --help and mistakes in the options are answered at once
    import numpy as np

    from kgen.pictures import density_image, save_densities

    run = kgen.runs.Run(config)
    keras.utils.set_random_seed(config.seed)
    size, toys, rows = config.examples, kgen.data.toys.TOYS, {}
    sets = {name: kgen.data.load(name, size=size, seed=config.seed).x for name in config.data.split()}
    tests = {name: kgen.data.load(name, "test", size=2000, seed=config.seed).x for name in sets}

    def show(toy: str, name: str, model: kgen.Flow | kgen.density.Density) -> None:
        found, exact = model.log_prob(tests[toy]).mean(), toys[toy].log_prob(tests[toy]).mean()
        print(f"{toy:13} {name:8} {found:8.3f}, exact {exact:8.3f} nats", flush=True)
        samples = model.sample(1000, seed=config.seed)
        rows.setdefault(toy, {})[name] = density_image(model.log_prob, reach=6.0), samples

    for toy, x in sets.items():
        show(toy, "GMM", kgen.density.GaussianMixture(components=25).fit(x))
        show(toy, "KDE", kgen.density.KernelDensity().fit(x))
    for name, model in flows().items():
        steps = config.epochs * -(-len(next(iter(sets.values()))) // config.batch_size)
        rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps)
        model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), jit_compile=config.jit_compile)
        start = [(v, np.array(v.numpy())) for v in (*model.variables, *model.optimizer.variables)]
        for toy, x in sets.items():
            for variable, value in start:  # the same model again, compiled once
                variable.assign(value)
            done = lambda logs, toy=toy, name=name, model=model: show(toy, name, model)  # noqa: E731
            last = lambda logs: save_densities(rows, run.path / "samples" / "flows.png", 6.0)  # noqa: E731
            ends = [keras.callbacks.LambdaCallback(on_train_end=done)]
            if toy == list(sets)[-1] and name == "FFJORD":
                ends.append(keras.callbacks.LambdaCallback(on_train_end=last))
            model.fit(x, batch_size=config.batch_size, epochs=config.epochs, verbose=0, callbacks=ends)


if __name__ == "__main__":
    kgen.runs.cli(main, Config)
