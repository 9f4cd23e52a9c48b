"""Three findings of papers on diffusion, measured again: on points in the plane and on small images.

    python recipes/benchmarks/findings.py                            # both; trains what it needs
    python recipes/benchmarks/findings.py --plane                    # points only
    python recipes/benchmarks/findings.py --runs DIFFUSION FLOW      # images, from these two runs

prints a table for each:

1. DDIM with eta = 0 beats eta = 1 in few steps, by a factor of two or more in the distance to the
   data. In all steps of the schedule the order turns: there the noise of DDPM's larger variance (the
   paper's sigma hat, here `Ancestral("large")`) is the best, in few steps the worst. "Denoising
   Diffusion Implicit Models" (Song et al., 2021), table 1.
2. Flow matching is nearer to the data than the diffusion path after equally many network
   evaluations. "Flow Matching for Generative Modeling" (Lipman et al., 2023), section 6.2.
3. Guidance raises the accuracy of the classes asked for, and lowers recall. "Classifier-Free
   Diffusion Guidance" (Ho and Salimans, 2022), table 1, which has it in Inception score and FID.

Of two models that differ in schedule and target only: `DDPM.linear(1000)` with `V()`, and
`FlowMatching()` with `Velocity()`; both are told the class in 9 of 10 steps. `V()`, not `Noise()`:
where the data are nearly gone, an error of the noise is an error of the data many times larger. The
distance of points is the sliced Wasserstein distance to test data, that of images the Fréchet distance
of `fashion_classifier` to the training data. The classes of points are judged by the nearest training
point, those of images by `fashion_classifier`.

A target that is missed is printed as missed; the measured tables are in `recipes/README.md`. Runs are
those of ddpm_fashion and flow_matching_fashion, or of a recipe like them.
"""

import argparse
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kgen
from kgen.metrics import Card, format_value
from kgen.metrics.distances import nearest

UNET = {"width": 12, "multipliers": (1, 2, 4), "blocks": 1, "attention": (7,), "head_width": 16}


@dataclass(frozen=True)
class Subject:
    """What is measured on: data, and how samples of it are judged."""

    name: str
    train: kgen.data.Dataset
    network: Callable[..., Any]
    features: Callable[[np.ndarray], np.ndarray]
    probabilities: Callable[[np.ndarray], np.ndarray]
    distance: Callable[[np.ndarray], Card]
    reference: np.ndarray
    clip: tuple[float, float] | None = None

    @property
    def classes(self) -> int:
        """How many labels there are."""
        return len(self.train.spec.classes)


@dataclass(frozen=True)
class Sampler:
    """Draws the same number of samples with the same noise and classes in every way."""

    subject: Subject
    count: int
    seed: int = 0

    @property
    def labels(self) -> np.ndarray:
        """The classes asked for, each equally often."""
        return np.arange(self.count, dtype="int32") % self.subject.classes

    def __call__(self, model: kgen.Diffusion, steps: int, **options: Any) -> np.ndarray:
        """Samples by DDIM or the solver in the options."""
        told = {"labels": self.labels} if "labels" in model.conditions.names else {}
        options = {"solver": kgen.diffusion.DDIM(), "seed": self.seed} | told | options
        return model.sample(self.count, steps=steps, **options)


def points(name: str = "pinwheel") -> Subject:
    """Points of five classes."""
    train, test = kgen.data.load(name, size=8192), kgen.data.load(name, "test", size=4000)

    def probabilities(x: np.ndarray) -> np.ndarray:
        return np.eye(len(train.spec.classes))[train.y[nearest(x, train.x)[0][:, 0]]]

    return Subject(
        name=name,
        train=train,
        network=lambda classes: kgen.networks.residual_mlp(2, 96, classes=classes),
        features=lambda x: x,
        probabilities=probabilities,
        distance=lambda x: kgen.metrics.sliced_wasserstein(x, test.x),
        reference=test.x,
        clip=(float(train.x.min()), float(train.x.max())),
    )


def images(name: str, size: int | None) -> Subject:
    """Clothes of ten classes."""
    train = kgen.data.load(name, size=size)
    network = kgen.metrics.features.fashion_classifier()
    reference = network(train.x)
    return Subject(
        name=name,
        train=train,
        network=lambda classes: kgen.networks.unet(train.spec.shape, classes=classes, **UNET),
        features=network,
        probabilities=network.probabilities,
        distance=lambda x: kgen.metrics.frechet_distance(network(x), reference),
        reference=reference,
        clip=(-1.0, 1.0),
    )


def train(subject: Subject, minutes: float, rate: float = 1e-3) -> list[kgen.Diffusion]:
    """Trains the diffusion model and the flow for equally long."""
    import keras

    d, models = kgen.diffusion, []
    for schedule, target in (
        (d.DDPM.linear(1000), d.V()),
        (d.FlowMatching(), d.Velocity()),
    ):
        keras.utils.set_random_seed(0)
        model = kgen.Diffusion(
            subject.network(subject.classes),
            schedule,
            target,
            classes=subject.classes,
            label_dropout=0.1,
            clip=subject.clip,
            ema_decay=0.999,
        )
        model.compile(keras.optimizers.Adam(rate))
        batches = subject.train.batches(128, drop_last=True, labels=True)
        clock = kgen.callbacks.StopAfter(minutes, 0.0)
        epochs = model.fit(batches, epochs=10_000, verbose=0, callbacks=[clock]).epoch
        print(f"{subject.name}, {type(schedule).__name__}: {len(epochs)} epochs, {minutes:g} minutes")
        models.append(model)
    return models


def fewer_steps(draw: Sampler, diffusion: kgen.Diffusion, steps: Sequence[int]) -> None:
    """Finding 1."""
    d, rows = kgen.diffusion, []
    solvers = (d.DDIM(), d.DDIM(eta=1.0), d.Ancestral("large"))
    for n in steps:
        cards = [draw.subject.distance(draw(diffusion, n, solver=solver)) for solver in solvers]
        rows.append((n, *cards, cards[1].value / cards[0].value))
    show("DDIM", ("steps", "eta = 0", "eta = 1", "large variance", "eta = 1 over eta = 0"), rows)
    few, many = rows[0], rows[-1]
    judge(f"a ratio of at least 2 in {few[0]} steps", few[-1] >= 2.0)
    judge(f"the large variance nearer than eta = 0 in {many[0]} steps", many[3].value < many[1].value)


def straight_paths(
    draw: Sampler, diffusion: kgen.Diffusion, flow: kgen.Diffusion, steps: Sequence[int]
) -> None:
    """Finding 2."""
    distance = draw.subject.distance
    rows = [(n, distance(draw(diffusion, n)), distance(draw(flow, n))) for n in steps]
    show("equal evaluations", ("evaluations", "diffusion path", "flow matching"), rows)
    judge("flow matching nearer everywhere", all(row[2].value < row[1].value for row in rows))


def guidance(draw: Sampler, flow: kgen.Diffusion, weights: Sequence[float], steps: int) -> None:
    """Finding 3."""
    subject, rows = draw.subject, []
    for weight in weights:
        x = draw(flow, steps, guidance=weight)
        accuracy = kgen.metrics.class_accuracy(subject.probabilities(x), draw.labels)
        coverage = kgen.metrics.precision_recall(subject.features(x), subject.reference)
        rows.append((weight, accuracy, coverage.recall, coverage.precision, subject.distance(x)))
    heads = ("guidance", "class accuracy", "recall", "precision", "distance")
    show(f"guidance, {steps} steps", heads, rows)
    judge("accuracy rises", rows[-1][1].value > rows[0][1].value)
    judge("recall falls", rows[-1][2].value < rows[0][2].value)


def show(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Prints a table."""
    print(f"\n{title}\n| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for row in rows:
        cells = [format_value(c) if isinstance(c, Card) else f"{c:.4g}" for c in row]
        print("| " + " | ".join(cells) + " |", flush=True)


def judge(target: str, met: bool) -> None:
    """Prints whether a target was met."""
    print(f"target: {target}: {'met' if met else 'missed'}", flush=True)


def study(subject: Subject, models: Sequence[kgen.Diffusion], options: argparse.Namespace) -> None:
    """Prints the three tables."""
    draw = Sampler(subject, options.samples)
    print(f"\n# {subject.name}, {options.samples} samples, seed {draw.seed}")
    diffusion, flow = models
    fewer_steps(draw, diffusion, options.steps)
    straight_paths(draw, diffusion, flow, options.evaluations)
    guidance(draw, flow, options.weights, options.evaluations[-1])


def main() -> None:
    options = _options()
    warnings.filterwarnings("ignore", message=".*fewer than the")  # the number is in the headline
    if not options.images and not options.runs:
        plane = points()
        study(plane, train(plane, options.minutes / 4.0), options)
    if not options.plane:
        clothes = images(options.data, options.examples)
        models = [kgen.runs.load_model(run) for run in options.runs or ()]
        study(clothes, models or train(clothes, options.minutes), options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Three findings of papers on diffusion.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--plane", action="store_true", help="points only")
    which.add_argument("--images", action="store_true", help="images only")
    which.add_argument("--runs", nargs=2, type=Path, help="of a diffusion model and of a flow")
    parser.add_argument("--data", default="fashion_mini", help="images of the ten kinds of clothes")
    parser.add_argument("--examples", type=int, help="images to train on; default: all")
    parser.add_argument("--minutes", type=float, default=4.0, help="to train each model of images")
    parser.add_argument("--samples", type=int, default=500, help="at least 50")
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 100, 1000], help="of DDIM")
    parser.add_argument("--evaluations", type=int, nargs="+", default=[5, 10, 20], help="of both paths")
    parser.add_argument("--weights", type=float, nargs="+", default=[0.0, 1.0, 3.0], help="of guidance")
    return parser.parse_args()


if __name__ == "__main__":
    main()
