"""The leaderboard: families on one data set, after equal minutes of training.

A result file `recipes/results/NAME.json` holds what a run's directory says (config, env, minutes,
epochs, cards), and what `add` measures: parameters and samples/s. The table is written from these
files alone. Importing this module loads no Keras.
"""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kgen.errors import UserError
from kgen.evaluation.evaluate import FILE
from kgen.metrics import Card, format_value
from kgen.runs.files import (
    cores,
    explain,
    finished_epochs,
    load_model,
    read_config,
    read_env,
    read_metrics,
    replacing,
    write_json,
)

BEGIN, END = "<!-- kgen leaderboard: begin -->", "<!-- kgen leaderboard: end -->"
METRICS = {
    "frechet_distance": "Fréchet",
    "kernel_distance": "kernel",
    "precision": "precision",
    "recall": "recall",
    "bits_per_dim": "bits/dim",
}
"""The columns: name of the card and its head."""

_DRAWN = 512  # samples whose drawing is timed
_NOTHING = "No results yet.\n"

Result = dict[str, Any]


def add(run: Path, folder: Path) -> Path:
    """Makes a result file of a run; gives its path.

    Args:
        run: trained with `--minutes`, on as many cores as there are now, and evaluated since its last
            epoch.
        folder: of the result files; made where it does not exist.

    Raises UserError where it is not so.
    """
    config, rows = read_config(run), read_metrics(run)
    minutes = config.get("minutes")
    if minutes is None:
        raise UserError(f"{run} was trained without --minutes: its time compares with nothing")
    evaluation, env = _evaluation(run), read_env(run)
    if env.get("cores", cores()) != cores():  # runs of earlier versions do not say
        raise UserError(
            f"{run} was trained on {env['cores']} cores, and samples would be timed on {cores()}: "
            f"give kgen {env['cores']}"
        )
    result = {
        "config": config,
        "env": env,
        "epochs": finished_epochs(run),
        "minutes": round(sum(float(row["seconds"]) for row in rows) / 60, 2),
        "cards": evaluation["cards"],
        **_measure(load_model(run)),
    }
    name = f"{config['recipe']}-{Path(config['data']).name.replace(':', '_')}-{minutes:g}min.json"
    with explain(f"cannot write {folder / name}"):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / name, result)
    return folder / name


def read_results(folder: Path) -> list[Result]:
    """Reads the result files of a folder, in the order of their names. Raises UserError."""
    results = []
    for file in sorted(folder.glob("*.json")):
        try:
            result = json.loads(file.read_text(encoding="utf-8"))
            result["cards"] = {card["metric"]: Card.from_dict(card) for card in result["cards"]}
            _row(result)  # whatever is missing is missed here
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{file} is no result of kgen leaderboard --add: {error!r}") from error
        results.append(result)
    return results


def section(results: Sequence[Result]) -> str:
    """Writes the tables as Markdown, one for each data set and budget of minutes, the best first.

    Raises UserError where results of one table were measured differently.
    """
    groups: dict[tuple[str, float], list[Result]] = {}
    for result in results:
        key = (result["config"]["data"], result["config"]["minutes"])
        groups.setdefault(key, []).append(result)
    return "\n".join(_table(*key, groups[key]) for key in sorted(groups)) or _NOTHING


def write_section(readme: Path, section: str) -> Path:
    """Puts the section between its two marks in a file. Raises UserError where it has no marks."""
    with explain(f"cannot write {readme}"):
        text = readme.read_text(encoding="utf-8")
        before, begin, rest = text.partition(BEGIN)
        _, end, after = rest.partition(END)
        if not (begin and end):
            raise UserError(f"{readme} has no lines {BEGIN} and {END}: put them where the table goes")
        with replacing(readme) as file:
            file.write(f"{before}{BEGIN}\n\n{section}\n{END}{after}")
    return readme


def _evaluation(run: Path) -> dict[str, Any]:
    try:
        evaluation = json.loads((run / FILE).read_text(encoding="utf-8"))
        current = evaluation["epoch"] == finished_epochs(run)
    except (OSError, ValueError, KeyError, TypeError):
        current = False
    if not current:
        raise UserError(f"{run} is not evaluated since its last epoch: kgen evaluate {run}")
    return evaluation


def _measure(model: Any) -> dict[str, float]:
    """Counts what is trained, and times drawing, once the program is compiled."""
    model.sample(_DRAWN, seed=0)
    start = time.perf_counter()
    model.sample(_DRAWN, seed=1)
    seconds = time.perf_counter() - start
    weights = {id(w): w for part in model.parts.values() for w in part.trainable_variables}
    return {
        "parameters": sum(math.prod(weight.shape) for weight in weights.values()),
        "samples_per_second": round(_DRAWN / seconds, 1),
        "cores": cores(),
    }


def _table(data: str, minutes: float, results: Sequence[Result]) -> str:
    way = _common_way(results)
    ranked = sorted(results, key=lambda result: result["cards"]["frechet_distance"].value)
    heads = ["recipe", *METRICS.values(), "samples/s", "parameters", "minutes", "cores", "backend"]
    rows = [heads, ["---"] * len(heads), *map(_row, ranked)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"{data}, {minutes:g} minutes of training; {way}:", "", *lines, ""])


def _common_way(results: Sequence[Result]) -> str:
    """How all results were measured, in words."""
    cards = [result["cards"]["frechet_distance"] for result in results]
    ways = {
        (c.samples, c.reference, c.data, c.data_sha256, c.features, c.features_sha256) for c in cards
    }
    if len(ways) > 1:
        names = ", ".join(result["config"]["recipe"] for result in results)
        raise UserError(
            f"{names} were measured with different samples, features or data: evaluate and add "
            "them again"
        )
    card = cards[0]
    features = f"features {card.features} `{(card.features_sha256 or '')[:12]}`"
    return f"{card.samples} samples against {card.reference} of {card.data}, {features}"


def _row(result: Result) -> list[str]:
    cards = result["cards"]
    measured = [format_value(cards[name]) if name in cards else "–" for name in METRICS]
    return [
        f"`{result['config']['recipe']}`",
        *measured,
        f"{result['samples_per_second']:.0f}",
        f"{result['parameters']:,}",
        f"{result['minutes']:.1f}",
        str(result["cores"]),
        result["env"]["backend"],
    ]
