"""An X-ray on the terminal: an indented tree, lines that fit."""

from __future__ import annotations

from collections.abc import Iterator

from ..xray.node import Mark, Node

_MARKS: dict[Mark, str] = {"": "", "ok": "[ok] ", "bad": "[FEHLER] ", "warn": "[!] "}


def lines(root: Node) -> Iterator[str]:
    """Yield the lines of the tree; its texts are harmless already."""
    yield _told(root)
    yield from _below(root, "")


def _below(parent: Node, indent: str) -> Iterator[str]:
    for index, child in enumerate(parent.children):
        last = index == len(parent.children) - 1
        yield f"{indent}{'└─ ' if last else '├─ '}{_told(child)}"
        yield from _below(child, indent + ("   " if last else "│  "))


def _told(one: Node) -> str:
    middle = ": " if one.title and one.value else ""
    note = f"  ({one.note})" if one.note else ""
    return f"{_MARKS[one.mark]}{one.title}{middle}{one.value}{note}"
