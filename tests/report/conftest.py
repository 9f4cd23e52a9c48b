"""Runs that no model was trained for: the files of a run directory, written by hand."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from kgen.metrics.card import Card
from kgen.pictures import save_grid

CARD = Card(
    metric="frechet_distance",
    value=17.62,
    error=0.31,
    interval=(17.02, 18.21),
    method="bootstrap (100)",
    samples=5000,
    reference=10_000,
    seed=3,
    notes=("a note for the reader",),
    features="fashion_classifier",
    features_sha256="feedc0ffee12" + 52 * "0",
    data="fashion_mini/test",
    data_sha256="dadacafe3456" + 52 * "0",
    floor=1.25,
    ceiling=912.0,
    kgen_version="0.1.0",
)


def write_samples(path: Path, epoch: int, n: int = 4) -> None:
    """Patterns that no compression can make small, as a grid of n 28 by 28 images."""
    path.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(epoch).uniform(-1, 1, (n, 28, 28, 1))
    save_grid(images, path / f"epoch_{epoch:04d}.png")


def write_metrics(path: Path, rows: list[dict]) -> None:
    with open(path / "metrics.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def make_run(tmp_path):
    """Makes a run of some epochs: "loss" is 10 / epoch, "val_loss" twice that, "modes" 8."""

    def make(name="first", epochs=3, images=4, cards=(CARD,), **options):
        path = tmp_path / name
        path.mkdir()
        config = {"recipe": "vae_fashion", "data": "fashion_mini", "epochs": epochs, "beta": 1.0}
        env = {"backend": "jax", "seed": 7, "git": 40 * "a", "versions": {"kgen": "0.1.0"}}
        (path / "config.json").write_text(json.dumps(config | options))
        (path / "env.json").write_text(json.dumps(env))
        (path / "evaluation.json").write_text(json.dumps({"cards": [c.to_dict() for c in cards]}))
        epochs = range(1, epochs + 1)
        write_metrics(
            path, [{"epoch": e, "loss": 10 / e, "val_loss": 20 / e, "modes": 8} for e in epochs]
        )
        for epoch in epochs:
            write_samples(path / "samples", epoch, images)
        return path

    return make


@pytest.fixture
def card():
    """The card of those runs."""
    return CARD
