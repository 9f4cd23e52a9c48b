"""Arrows between the rooms of kgen go down only; CONTRIBUTING.md holds the table of the floors."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path.relative_to(ROOT / "kgen") for path in (ROOT / "kgen").rglob("*.py"))
MODULES = {path.with_suffix("").parts for path in FILES} | {path.parts[:-1] for path in FILES}
FAMILIES = ("gan", "vae", "diffusion", "flow", "autoregressive")


def read_floors() -> dict[tuple[str, ...], int]:
    """The floor of each room, and of each file that has its own; 0 is the lowest."""
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## The rooms")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?`) \|", text.partition("|---|")[2], re.M)
    return {
        tuple(room.removesuffix(".py").split("/")): floor
        for floor, row in enumerate(reversed(rows))
        for room in re.findall(r"`(.+?)`", row)
    }


FLOORS = read_floors()


def floor_of(module: tuple[str, ...]) -> int:
    return FLOORS[max((room for room in FLOORS if module[: len(room)] == room), key=len)]


def imported(code: str) -> Iterator[tuple[str, ...]]:
    """The modules of kgen that a file imports; () for kgen itself."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [[*node.module.split("."), alias.name] for alias in node.names]
        else:
            continue
        for package, *name in names:
            if package == "kgen" and name != ["__version__"]:
                yield tuple(name) if tuple(name) in MODULES else tuple(name[:-1])


def upward(module: tuple[str, ...], code: str) -> list[str]:
    """The imports of a module that lead up, to another room of its floor, or to kgen as a whole."""
    return [
        ".".join(("kgen", *target))
        for target in imported(code)
        if not target
        or floor_of(target) > floor_of(module)
        or (floor_of(target) == floor_of(module) and target[0] != module[0])
    ]


@pytest.mark.parametrize("path", [f for f in FILES if f != Path("__init__.py")], ids=str)
def test_arrows_go_down_only(path):
    assert upward(path.with_suffix("").parts, (ROOT / "kgen" / path).read_text()) == []


def test_every_room_has_a_floor_and_every_row_a_room():
    assert set(FLOORS) <= MODULES
    assert {path.parts[0].removesuffix(".py") for path in FILES} - {"__init__"} == {
        room[0] for room in FLOORS
    }


def test_families_stand_on_one_floor_below_all_that_looks_at_samples():
    (floor,) = {FLOORS[family,] for family in FAMILIES}
    above = ("data", "metrics", "pictures", "report", "runs", "evaluation")
    assert floor < min(FLOORS[room,] for room in above)


@pytest.mark.parametrize(
    ("module", "code", "found"),
    [
        ("diffusion/model", "from kgen.metrics import Card", ["kgen.metrics"]),
        ("diffusion/model", "def f():\n    from kgen import pictures", ["kgen.pictures"]),
        ("diffusion/model", "from kgen.vae.model import VAE", ["kgen.vae.model"]),
        ("diffusion/model", "import kgen", ["kgen"]),
        ("diffusion/model", "from kgen.diffusion.grids import Grid; import keras", []),
        ("callbacks/evaluate", "from kgen.runs.files import explain", []),
        ("callbacks/evaluate", "from kgen.runs import Run", ["kgen.runs"]),
        ("runs/files", "from kgen.runs.recipe import Config", ["kgen.runs.recipe"]),
        ("metrics/card", "from kgen import __version__", []),
    ],
)
def test_what_is_an_upward_arrow(module, code, found):
    assert upward(tuple(module.split("/")), code) == found
