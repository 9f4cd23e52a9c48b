"""Runs the tests of what changed: `python tests/changed.py [COMMIT]`, or `make check`.

The tests mirror the rooms of kgen, so a file's room names its tests: `kgen/gan/losses.py` those of
`tests/gan`. A room that has families also has the promises of two of them; core and backend stand under
all, and have their own tests, the engine's and two families'. Compared with COMMIT, `main` by default.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Rooms whose tests have other names, and what is checked beside them.
BESIDE = {
    "core": ["engine"],
    "backend": ["layers", "engine"],
    "commands": ["runs"],
    "recipes": ["runs/test_recipes.py", "test_leaderboard.py"],
    "tutorials": ["test_tutorials.py"],
}
UNDER_ALL = ("core", "backend", "layers", "networks")
EACH = 2  # families of a room


def changed(base: str) -> set[str]:
    """Files that differ from the commit, committed or not, and new ones."""
    listings = [["diff", "--name-only", base], ["ls-files", "--others", "--exclude-standard"]]
    outputs = [subprocess.check_output(["git", *words], cwd=ROOT, text=True) for words in listings]
    return {line for output in outputs for line in output.splitlines()}


def room(file: str) -> str:
    """`gan` of `kgen/gan/losses.py`, `random` of `kgen/random.py`, `recipes` of a recipe."""
    parts = Path(file).with_suffix("").parts
    return parts[1] if parts[0] == "kgen" and len(parts) > 1 else parts[0]


def tests_of(files: set[str]) -> list[str]:
    """The test files and folders, without those that stand inside another."""
    own = {f for f in files if f.startswith("tests/") and Path(f).name.startswith("test_")}
    rooms = {room(file) for file in files if not file.startswith("tests/")}
    for name in rooms:
        own |= {f"tests/{path}" for path in (name, f"test_{name}.py", *BESIDE.get(name, []))}
    found = [path for path in sorted(own) if (ROOT / path).exists()]
    return [path for path in found if not any(str(p) in found for p in Path(path).parents)]


def families_of(files: set[str]) -> list[str]:
    """Two families of each room that changed; a GAN and a VAE where what stands under all did."""
    rooms = {room(file) for file in files if file.startswith("kgen/")}
    chosen = [
        name for key, names in _rooms_of_families().items() if key in rooms for name in names[:EACH]
    ]
    return chosen or (["gan", "vae"] if rooms & set(UNDER_ALL) else [])


def _rooms_of_families() -> dict[str, list[str]]:
    from families import FAMILIES

    rooms: dict[str, list[str]] = {}
    for family in FAMILIES:
        module = next(c.__module__ for c in type(family.make()).__mro__ if "kgen." in c.__module__)
        rooms.setdefault(module.split(".")[1], []).append(family.name)
    return rooms


def main() -> int:
    files = changed(sys.argv[1] if len(sys.argv) > 1 else "main")
    tests, families = tests_of(files), families_of(files)
    runs = [tests] if tests else []
    if families:
        runs.append(["tests/promises", "--family", ",".join(families)])
    if not runs:
        print("nothing changed that has tests")
    return max((_pytest(arguments) for arguments in runs), default=0)


def _pytest(arguments: list[str]) -> int:
    print("pytest", *arguments, flush=True)
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
