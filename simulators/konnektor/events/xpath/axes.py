"""Location steps: axes and node tests of XPath 1.0 (sections 2.2 and 2.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from .tree import Node

Axis = Callable[[Node], Iterable[Node]]
Test = Callable[[Node], bool]
NODE_TYPES = frozenset(("node", "text", "comment", "processing-instruction"))


def axes() -> Mapping[str, Axis]:
    """Return the axes by name; an Event has no attributes, and namespaces are no use in it."""
    return MappingProxyType(
        {
            "self": lambda node: (node,),
            "child": lambda node: node.children,
            "parent": lambda node: () if node.parent is None else (node.parent,),
            "descendant": _descendants,
            "descendant-or-self": Node.walk,
            "ancestor": _ancestors,
            "ancestor-or-self": _ancestors_or_self,
            "following-sibling": _after,
            "preceding-sibling": _before,
            "following": _following,
            "preceding": _preceding,
            "attribute": lambda _: (),
        }
    )


def type_test(name: str) -> Test:
    """Return the test ``node()``, ``text()``, ``comment()`` or ``processing-instruction()``."""
    if name == "node":
        return lambda _: True
    return lambda node: node.kind == name


def name_test(name: str) -> Test:
    """Return the test for elements called *name*, with ``*`` for all."""
    if name == "*":
        return lambda node: node.kind == "element"
    return lambda node: node.kind == "element" and node.name == name


def _descendants(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield from child.walk()


def _ancestors_or_self(node: Node) -> Iterator[Node]:
    found: Node | None = node
    while found is not None:
        yield found
        found = found.parent


def _ancestors(node: Node) -> Iterator[Node]:
    return iter(()) if node.parent is None else _ancestors_or_self(node.parent)


def _after(node: Node) -> list[Node]:
    siblings = node.siblings()
    return siblings[siblings.index(node) + 1 :]


def _before(node: Node) -> list[Node]:
    siblings = node.siblings()
    return siblings[: siblings.index(node)][::-1]


def _following(node: Node) -> Iterator[Node]:
    for ancestor in _ancestors_or_self(node):
        for sibling in _after(ancestor):
            yield from sibling.walk()


def _preceding(node: Node) -> Iterator[Node]:
    for ancestor in _ancestors_or_self(node):
        for sibling in _before(ancestor):
            yield from reversed(list(sibling.walk()))
