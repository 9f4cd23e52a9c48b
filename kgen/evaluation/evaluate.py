"""Evaluates runs, and samples that other programs made: what `kgen evaluate` does.

Importing this module loads no Keras.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

import kgen.data
from kgen.data import Dataset, LazyArray
from kgen.data.images import RANGE, prepare
from kgen.errors import UserError, did_you_mean
from kgen.metrics import Card, Evaluator, format_value
from kgen.metrics.features.resize import METHOD, resize, to_channels
from kgen.metrics.suites import FEATURES
from kgen.runs.files import explain, finished_epochs, load_model, read_config, write_json
from kgen.runs.recipe import Config, data_of

FILE = "evaluation.json"


def evaluate_runs(
    runs: Sequence[Path], samples: int = 10_000, seed: int = 0, features: str | None = None
) -> list[list[Card]]:
    """Evaluates the models of runs of one data set, and writes RUN/evaluation.json in each.

    The reference is the training data of the runs, the held-out examples are its test split, where
    it has one.

    Args:
        runs: directories.
        samples: how many to draw from each model.
        seed: of the samples.
        features: a name of `kgen.metrics.suites.FEATURES`; None: the one for such data.

    Returns:
        The cards of each run.

    Raises UserError where a directory is no run, the runs are of different data, or a metric refuses
    the samples.
    """
    configs = [read_config(run) for run in runs]
    check_same_data(runs, configs)
    evaluator = _evaluator(configs[0], samples, seed, features)
    return [_evaluate(run, evaluator) for run in runs]


def evaluate_samples(
    path: Path, against: str, seed: int = 0, features: str | None = None, resized: bool = False
) -> list[Card]:
    """Evaluates samples in a file or a folder.

    Args:
        path: an .npz file with the array `samples`, floats in [-1, 1] or uint8, and integers `labels`
            if there are any; or a folder of images.
        against: NAME of a data set, whose test split is then held out, or NAME/SPLIT.
        seed: of what a metric draws.
        features: as `evaluate_runs`.
        resized: bring images to the size of the data set; else another size is an error.

    Returns:
        The cards. Raises UserError as `evaluate_runs`, and for other files.
    """
    name, split = _name_and_split(against)
    reference = Config(data=name).load(split or "train")
    held_out = None if split else _held_out(Config(data=name))
    try:
        images, labels = _read(path)
        images = _resized(images, reference) if resized else _of_one_size(images, reference)
        evaluator = Evaluator(reference, held_out, _network(features), seed=seed)
        cards = evaluator(images, labels)
    except (ValueError, OSError, ImportError) as error:
        raise UserError(f"cannot evaluate {path}: {error}") from error
    how = f"{METHOD} to {'x'.join(map(str, reference.spec.shape[:2]))}"
    return [card.with_(resize=card.resize or how) for card in cards] if resized else cards


def table(heads: Sequence[str], runs: Sequence[Sequence[Card]]) -> str:
    """Writes cards as text: a line for each, a column for each run, then floor and ceiling.

    Args:
        heads: of the columns.
        runs: the cards of each run.

    >>> card = Card(metric="frechet_distance", value=17.62, error=0.31, samples=9, ceiling=250.0)
    >>> print(table(["runs/a"], [[card]]))
    metric              runs/a        ceiling
    frechet_distance ↓  17.62 ± 0.31  250
    <BLANKLINE>
    frechet_distance: n = 9
    """
    found = [{_label(card): card for card in cards} for cards in runs]
    first = {label: card for cards in reversed(found) for label, card in cards.items()}
    labels = list(dict.fromkeys(label for cards in found for label in cards))
    limits = [
        kind
        for kind in ("floor", "ceiling")
        if any(getattr(c, kind) is not None for c in first.values())
    ]
    rows = [["metric", *heads, *limits]]
    for label in labels:
        values = [format_value(cards[label]) if label in cards else "-" for cards in found]
        rows.append([label, *values, *(_limit(getattr(first[label], kind)) for kind in limits)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return "\n".join([*lines, "", *_measured_how([first[label] for label in labels])])


def check_same_data(runs: Sequence[Path], configs: Sequence[dict[str, Any]]) -> None:
    """Raises UserError where runs are of different data sets, numbers of examples or resolutions."""
    used = [tuple(config.get(k) for k in ("data", "examples", "resolution")) for config in configs]
    if len(set(used)) > 1:
        told = ", ".join(
            f"{run} on {examples or 'all'} examples of {data}{f' at {side}x{side}' if side else ''}"
            for run, (data, examples, side) in zip(runs, used, strict=True)
        )
        raise UserError(
            f"these runs are of different data, their numbers do not compare: {told}; evaluate the "
            "runs of each data set by themselves"
        )


def _evaluator(config: dict[str, Any], samples: int, seed: int, features: str | None) -> Evaluator:
    data = data_of(config)
    try:
        return Evaluator(data.load(), _held_out(data), _network(features), samples=samples, seed=seed)
    except (ValueError, OSError, ImportError) as error:
        raise UserError(f"cannot evaluate on {data.data}: {error}") from error


def _held_out(config: Config) -> Dataset | None:
    """The test split; None, and a note, where there is none."""
    try:
        return config.load("test")
    except UserError as error:
        click.echo(f"note: no floor, memorisation and likelihood: {error.message}", err=True)
        return None


def _network(name: str | None) -> Any:
    return None if name is None else FEATURES[name]()


def _evaluate(run: Path, evaluator: Evaluator) -> list[Card]:
    import keras

    try:
        cards = evaluator(load_model(run))
    except (ValueError, ImportError) as error:
        raise UserError(f"cannot evaluate {run}: {error}") from error
    content = {
        "cards": [card.to_dict() for card in cards],
        "samples": evaluator.samples,
        "seed": evaluator.seed,
        "epoch": finished_epochs(run),
        "data": f"{evaluator.reference.spec.name}/{evaluator.reference.spec.split}",
        "backend": keras.backend.backend(),
    }
    with explain(f"cannot write {run / FILE}"):
        write_json(run / FILE, content)
    return cards


def _name_and_split(against: str) -> tuple[str, str | None]:
    """Takes NAME/SPLIT apart; a path stays whole."""
    name, slash, split = against.rpartition("/")
    if against in kgen.data.names() or os.path.exists(against) or not slash:
        return against, None
    return name, split


def _read(path: Path) -> tuple[np.ndarray | LazyArray, np.ndarray | None]:
    if path.is_dir():
        return kgen.data.load(path).x, None
    if path.suffix != ".npz" or not path.is_file():
        raise ValueError("expected a run, a folder of images, or an .npz file")
    with np.load(path, allow_pickle=False) as file:
        if "samples" not in file:
            raise ValueError(f"no array 'samples': {did_you_mean('samples', file.files)}")
        samples, labels = file["samples"], file.get("labels")
    if samples.ndim > 2:  # bytes become floats, grey images get their channel
        samples = prepare(str(path), samples, None)
    return samples, labels


def _of_one_size(images: np.ndarray | LazyArray, reference: Dataset) -> np.ndarray | LazyArray:
    """Refuses images of another size than the reference, with the option that helps."""
    given, wanted = tuple(images.shape[1:]), reference.spec.shape
    if len(given) == len(wanted) == 3 and given != wanted:
        raise ValueError(
            f"its images are {'x'.join(map(str, given))}, those of {reference.spec.name} "
            f"{'x'.join(map(str, wanted))}: --resize brings them to one size"
        )
    return images


def _resized(images: np.ndarray | LazyArray, reference: Dataset) -> LazyArray:
    """Brings images to the size and the channels of the reference, when they are read."""
    if len(reference.spec.shape) != 3 or len(images.shape) != 4:
        raise ValueError("--resize is for images")
    height, width, channels = reference.spec.shape

    def read(numbers: list[int]) -> np.ndarray:
        return resize(to_channels(images[numbers], channels), height, width).clip(*RANGE)

    return LazyArray(read, (len(images), *reference.spec.shape), np.float32)


def _label(card: Card) -> str:
    arrow = {True: " ↑", False: " ↓", None: ""}[card.higher_is_better]
    unit = f" ({card.unit})" if card.unit else ""
    kind = f", {card.estimate}" if card.estimate != "sample" else ""
    k = next((f", {note}" for note in card.notes if kind and note.startswith("k = ")), "")
    return f"{card.metric}{unit}{kind}{k}{arrow}"


def _limit(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _measured_how(cards: Sequence[Card]) -> list[str]:
    """One line for all metrics that were measured in the same way."""
    ways: dict[str, list[str]] = {}
    for card in cards:
        ways.setdefault(_way(card), []).append(card.metric)
    return [f"{', '.join(metrics)}: {way}" for way, metrics in ways.items()]


def _way(card: Card) -> str:
    against = f" against {card.reference}" if card.reference is not None else ""
    sha256 = f" {card.features_sha256[:12]}" if card.features_sha256 else ""
    facts = [
        f"n = {card.samples}{against}",
        card.data,
        f"features {card.features}{sha256}" if card.features else None,
        f"resized: {card.resize}" if card.resize else None,
    ]
    return ", ".join(fact for fact in facts if fact)
