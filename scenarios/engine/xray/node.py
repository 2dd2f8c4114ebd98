"""The tree that an X-ray is: plain, bounded text that cannot steer whoever shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

MAX_VALUE: Final = 400
"""Characters of one value."""
MAX_CHILDREN: Final = 200
Mark = Literal["", "ok", "bad", "warn"]


@dataclass(frozen=True)
class Node:
    """A finding: ``kind`` for programs, ``title``, ``value`` and ``note`` for people (German).

    ``mark`` says whether something was checked and held (ok), did not (bad), or is worth a look
    (warn). No text of a node holds a control character.
    """

    kind: str
    title: str
    value: str = ""
    note: str = ""
    mark: Mark = ""
    children: tuple[Node, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """Return the tree as JSON's types; what is empty is left out."""
        own = {
            "kind": self.kind,
            "title": self.title,
            "value": self.value,
            "note": self.note,
            "mark": self.mark,
            "children": [child.as_data() for child in self.children],
        }
        return {name: value for name, value in own.items() if value}

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, in the order in which they are shown."""
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, kind: str) -> Node | None:
        """Return the first node of that kind, None without one."""
        return next((one for one in self.walk() if one.kind == kind), None)


def node(
    kind: str,
    title: str,
    value: object = "",
    *,
    note: str = "",
    mark: Mark = "",
    children: Iterable[Node] = (),
) -> Node:
    """Return a node whose texts are made harmless and whose children are bounded."""
    below = tuple(children)
    if len(below) > MAX_CHILDREN:
        rest = len(below) - MAX_CHILDREN
        below = (*below[:MAX_CHILDREN], Node("more", f"… und {rest} weitere"))
    return Node(kind, visible(title), visible(str(value)), visible(note), mark, below)


def problem(text: object) -> Node:
    """Return that something could not be read, and why."""
    return node("problem", "nicht lesbar", text, mark="bad")


def visible(text: str, limit: int = MAX_VALUE) -> str:
    """Return *text* in one line of at most *limit* characters, unprintable ones as ``\\x1b``."""
    shown = "".join(map(_shown, text[: limit + 1]))
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
