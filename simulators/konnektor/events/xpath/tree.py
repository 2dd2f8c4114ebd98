"""The tree that a filter sees: elements and texts of one Event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

Kind = Literal["root", "element", "text"]


class Node:
    """A node; ``name`` is that of an element, ``text`` the content of a text."""

    __slots__ = ("children", "kind", "name", "order", "parent", "text")

    def __init__(
        self, kind: Kind, parent: Node | None = None, name: str = "", text: str = ""
    ) -> None:
        self.kind: Kind = kind
        self.parent = parent
        self.name = name
        self.text = text
        self.children: list[Node] = []
        self.order = 0

    def number(self) -> None:
        """Give the node and all below it their place in document order."""
        for order, node in enumerate(self.walk()):
            node.order = order

    def walk(self) -> Iterator[Node]:
        """Yield the node and all below it in document order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def string(self) -> str:
        """Return the string value: all text below it."""
        return "".join(node.text for node in self.walk())

    def siblings(self) -> list[Node]:
        """Return the children of the parent, the node itself among them."""
        return [self] if self.parent is None else self.parent.children


def element(parent: Node, name: str, text: str = "") -> Node:
    """Append an element with *text* to *parent*."""
    child = Node("element", parent, name)
    parent.children.append(child)
    if text:
        child.children.append(Node("text", child, text=text))
    return child
