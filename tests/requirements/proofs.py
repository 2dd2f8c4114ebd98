"""Requirement ids in the markers of the tests: what proves them."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from simulators.formats.requirements import requirements

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
MARKER = "requirement"


@cache
def proofs() -> Mapping[str, tuple[str, ...]]:
    """Return for each id the tests that carry it, as ``tests/…/test_x.py::test_y``.

    Tests of the provider carry ids of its specification, too.

    Read from the files, so that it is the same whatever part of the tests runs and wherever.
    """
    tests: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if f"mark.{MARKER}" not in text:
            continue
        file = path.relative_to(ROOT).as_posix()
        for name, ids in _marked(ast.parse(text)):
            for identifier in ids:
                if f"{file}::{name}" not in tests[identifier]:
                    tests[identifier].append(f"{file}::{name}")
    return {identifier: tuple(names) for identifier, names in tests.items()}


@cache
def proving() -> frozenset[str]:
    """Return every test that proves a requirement of the table."""
    known = {row.id for row in requirements()}
    return frozenset(name for i, names in proofs().items() if i in known for name in names)


def _marked(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Yield each test with its ids: of its own marker, its parameters' and its module's."""
    of_module = [i for node in tree.body if _is_pytestmark(node) for i in _ids(node)]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own = [i for decorator in node.decorator_list for i in _ids(decorator)]
            if node.name.startswith("test_") and (own or of_module):
                yield node.name, of_module + own


def _is_pytestmark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets
    )


def _ids(node: ast.AST) -> Iterator[str]:
    """Yield the arguments of every ``pytest.mark.requirement(…)`` inside *node*."""
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr == MARKER:
            for constant in (node for given in call.args for node in ast.walk(given)):
                if isinstance(constant, ast.Constant):
                    yield str(constant.value)
