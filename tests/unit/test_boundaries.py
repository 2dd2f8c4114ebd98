"""Who may know whom: the import rules of the project, read from the code itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = ("simulators.formats", "simulators.process")
ALLOWED = {
    "simulators/formats": ("simulators.formats",),
    "simulators/process": ("simulators.process",),
    "simulators/pki": (*SHARED, "simulators.pki"),
    "simulators/makes": ("simulators.process", "simulators.makes"),
    "simulators/konnektor": (
        *(*SHARED, "simulators.pki", "simulators.makes", "simulators.konnektor"),
    ),
    "simulators/vzd": (*SHARED, "simulators.pki", "simulators.vzd"),
    "simulators/mailserver": (*SHARED, "simulators.pki", "simulators.mailserver"),
    "simulators/names": (*SHARED, "simulators.names"),
    "clientmodule": (*SHARED, "clientmodule"),
    "scenarios": (*SHARED, "simulators.pki", "simulators.makes", "scenarios"),
}
ENGINE = "scenarios.engine"
# From the command line down to the formats; those of one floor do not know each other.
FLOORS = (
    {"command", "pytest_plugin"},
    {"explain", "inspection", "validation"},
    {"arguments", "run", "testing"},
    {"report"},
    {"checks", "steps"},
    {"play"},
    {"actors"},
    {"scenario"},
    {"processes", "pvs"},
    {"endpoints"},
    {"world"},
    {"xray"},
    {"documents"},
    {"profiles", "services"},
    {"explanations", "yaml_files"},
)
OURS = ("simulators", "clientmodule", "scenarios")
NAMES_THAT_SAY_NOTHING = {"utils", "helpers", "common", "manager", "base", "misc", "util"}
MODULES = sorted(
    path
    for package in OURS
    for path in (ROOT / package).rglob("*.py")
    if "__pycache__" not in path.parts
)


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Return the absolute name of every module that *path* imports, also inside functions."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            prefix = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*prefix, *([node.module] if node.module else [])))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("area", sorted(ALLOWED))
def test_an_area_imports_only_what_it_may_know(area: str) -> None:
    modules = list((ROOT / area).rglob("*.py"))
    assert modules
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules
        for name in imports(path)
        if name.split(".")[0] in OURS
        and name.count(".") > 0
        and not any(name == a or name.startswith(a + ".") for a in ALLOWED[area])
    ]
    assert wrong == []


def test_a_part_of_the_engine_imports_only_what_lies_below_it() -> None:
    """Formats know nobody who judges by them; a scenario is played without its world's start."""
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    root = ROOT / ENGINE.replace(".", "/")
    wrong = []
    for path in root.rglob("*.py"):
        own = path.relative_to(root).with_suffix("").parts[0]
        for name in imports(path):
            part = name.removeprefix(f"{ENGINE}.").split(".")[0]
            if own == "__init__" or not name.startswith(f"{ENGINE}.") or part == own:
                continue
            if floor[part] <= floor[own]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_nobody_imports_the_twisted_reactor() -> None:
    """One event loop a process: importing the reactor would install a second one."""
    wrong = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if any(name.startswith("twisted.internet.reactor") for name in imports(path))
    ]
    assert wrong == []


def test_every_module_has_a_telling_name_and_says_what_it_is() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in MODULES
        if path.stem in NAMES_THAT_SAY_NOTHING or ast.get_docstring(syntax(path)) is None
    ]
    assert wrong == []
