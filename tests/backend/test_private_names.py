"""The table of private names in `kgen/backend/scope.py` is that of the code, no more and no less."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kgen.backend import scope

KGEN = Path(scope.__file__).parents[1]
ROW = re.compile(r"^\| `(.+?)` \| (.+?) \|", re.M)
NAMEDTUPLE = {"_asdict", "_fields", "_replace"}  # documented


def table() -> list[tuple[str, Path]]:
    """Each name without its owner, and each file that uses it."""
    rows = []
    for name, files in ROW.findall(scope.__doc__):
        found = [path for glob in re.findall(r"`(.+?)`", files) for path in KGEN.glob(glob)]
        assert found, f"no file {files}"
        rows.extend((_last_word(name), path) for path in found)
    return rows


def _last_word(name: str) -> str:
    """`_value` of `Variable._value`; an argument, where one is named; a private module whole."""
    if name.startswith(("tensorflow.python", "torch._subclasses")):
        return name
    argument = re.search(r"\((_\w+)\)", name)
    return argument[1] if argument else name.partition("(")[0].rpartition(".")[2]


def private_names(code: str, ours: set[str]) -> Iterator[str]:
    """The private names of other libraries in a file.

    On `self` a name may be defined in any file of kgen, on other objects in this file only.
    """
    tree = ast.parse(code)
    here = defined(tree)
    parts = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and re.search(r"\._|\.python\b|\.src\b", node.module or ""):
            yield node.module
        elif isinstance(node, ast.Attribute):
            on_self = ast.unparse(node.value) in ("self", "cls", "super()")
            patched = isinstance(node.ctx, ast.Store) and ast.unparse(node).startswith("keras.")
            if patched or (_is_private(node.attr) and node.attr not in (ours if on_self else here)):
                yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if _is_private(text) and text not in here and id(node) not in parts:
                yield text


def _is_private(name: str) -> bool:
    hidden = name.startswith("_") and not name.startswith("__") and name.isidentifier()
    return hidden and name != "_" and name not in NAMEDTUPLE


def defined(tree: ast.AST) -> set[str]:
    """What a file defines or assigns."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def test_every_private_name_is_in_the_table():
    codes = {path: path.read_text() for path in KGEN.rglob("*.py")}
    ours = set().union(*(defined(ast.parse(code)) for code in codes.values()))
    used = {(name, path) for path, code in codes.items() for name in private_names(code, ours)}
    missing = [f"{name} in {path.relative_to(KGEN)}" for name, path in sorted(used - set(table()))]
    assert not missing


def test_every_name_of_the_table_is_used():
    stale = [f"{n} in {f}" for n, f in table() if not re.search(rf"\b{n}\b", f.read_text())]
    assert table() and not stale


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("layer._flatten_layers()", ["_flatten_layers"]),
        ("self._flatten_layers()", ["_flatten_layers"]),
        ("self._ours, layer.public, layer.__doc__, row._fields", []),
        ("def _helper(x): x._mine = 1; return x._mine", []),
        ("getattr(node, '_schema')", ["_schema"]),
        ("f'{name}_step'", []),
        ("from torch._subclasses import x", ["torch._subclasses"]),
        ("keras.Operation.__call__ = watched", ["__call__"]),
    ],
)
def test_what_is_a_private_name(code, names):
    assert list(private_names(code, ours={"_ours"})) == names
