"""What the tests cost: CPU seconds of each suite and family, against `budget.json`.

Every pytest process of `make test` writes its seconds into a folder; `python tests/budget.py FOLDER`
prints the dearest at the end, and all that cost over 1.5 times their budget.
`--update` makes the seconds found the new budget.
"""

import json
import os
import resource
import sys
from pathlib import Path

import pytest

BUDGET = Path(__file__).with_name("budget.json")
DEAREST, TOO_MUCH = 10, 1.5
RECORDS = pytest.StashKey[dict[str, float]]()  # CPU seconds of the families that a process recorded


def write(folder: Path, families: dict[str, float]) -> None:
    """Writes down what this process and those that it started have cost."""
    seconds = sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    suite = os.environ.get("KGEN_TEST_SUITE", "pytest")
    text = json.dumps({f"suite {suite}": seconds} | families)
    (folder / f"{os.getpid()}.json").write_text(text)


def report(folder: Path, update: bool) -> str:
    """The dearest rows, and those beyond their budget."""
    spent: dict[str, float] = {}
    for file in folder.glob("*.json"):
        for name, seconds in json.loads(file.read_text()).items():
            spent[name] = spent.get(name, 0.0) + seconds
    if update:
        rounded = {name: round(seconds) for name, seconds in sorted(spent.items())}
        BUDGET.write_text(json.dumps(rounded, indent=2) + "\n")
    allowed = json.loads(BUDGET.read_text())
    dearest = sorted(spent, key=spent.get, reverse=True)[:DEAREST]
    lines = ["CPU seconds, and the budget:"]
    lines += [f"  {spent[name]:6.0f} {allowed.get(name, 0):6.0f}  {name}" for name in dearest]
    beyond = [n for n in sorted(spent) if spent[n] > TOO_MUCH * allowed.get(n, 0) + 1.0]
    lines += [f"over {TOO_MUCH} times its budget: {n}, {spent[n]:.0f} s" for n in beyond]
    total = sum(seconds for name, seconds in spent.items() if name.startswith("suite"))
    lines.append(f"{total / 60:.1f} CPU minutes in all")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(Path(sys.argv[1]), "--update" in sys.argv))
