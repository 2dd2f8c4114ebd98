"""Requirement ids in the docstrings of the product: what implements them."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("clientmodule", "simulators/formats", "simulators/process")
_LISTED = re.compile(
    r"(?P<prefix>(?:KOM-LE-)?A_)(?P<first>\d{4,5}(?:-\d{2})?)"
    r"(?P<more>(?:\s*(?:,|and|to)\s+\d{4,5}(?:-\d{2})?(?!\d))*)"
)
_FURTHER = re.compile(r"(?P<word>,|and|to)\s+(?P<number>\d{4,5}(?:-\d{2})?)")

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def named(text: str, known: Iterable[str]) -> Iterator[str]:
    """Yield the ids of *known* that *text* names, also as ``KOM-LE-A_2079 to 2090, 2184``."""
    order = list(dict.fromkeys(known))
    ids = {identifier: position for position, identifier in enumerate(order)}
    for found in _LISTED.finditer(text):
        prefix = found["prefix"]
        last = prefix + found["first"]
        if last in ids:
            yield last
        for further in _FURTHER.finditer(found["more"]):
            following = prefix + further["number"]
            if following not in ids:
                continue
            between = further["word"] == "to" and last in ids
            first = ids[last] + 1 if between else ids[following]
            yield from order[first : ids[following] + 1]
            last = following


def implementations(known: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Return for each id the dotted names of what carries it in its docstring.

    A module counts for an id that nothing inside of it names.
    """
    ids = tuple(known)
    carriers: defaultdict[str, list[str]] = defaultdict(list)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for identifier, names in _of_module(path, ids).items():
                carriers[identifier].extend(names)
    return {identifier: tuple(names) for identifier, names in carriers.items()}


def _of_module(path: Path, ids: tuple[str, ...]) -> Mapping[str, list[str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    carriers: dict[str, list[str]] = {}
    for name, text in _docstrings(tree, module):
        for identifier in named(text, ids):
            names = carriers.setdefault(identifier, [])
            if name not in names:
                names.append(name)
    for identifier in named(ast.get_docstring(tree) or "", ids):
        carriers.setdefault(identifier, [module])
    return carriers


def _docstrings(node: Documented, name: str) -> Iterator[tuple[str, str]]:
    """Yield name and docstring of every class, function and constant below *node*."""
    previous: ast.stmt | None = None
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{name}.{child.name}"
            yield inner, ast.get_docstring(child) or ""
            yield from _docstrings(child, inner)
        elif isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            constant = _target(previous)
            if constant is not None:
                yield f"{name}.{constant}", str(child.value.value)
        previous = child


def _target(statement: ast.stmt | None) -> str | None:
    """Return the name that *statement* assigns; a string after it is that name's docstring."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case _:
            return None
