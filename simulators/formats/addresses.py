"""Addresses in header fields: RFC 5322 address lists, read in one pass over their characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

MAX_CHARACTERS: Final = 1 << 20
"""What follows in a longer value is not read."""

_PIECE = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<word>"(?:[^"\\]|\\.)*+" | \[(?:[^\[\]\\]|\\.)*+\] | (?:[^ \t\r\n"\[<>,;:@(\\]|\\.?)++)
  | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_COMMENT = re.compile(r"[()]|(?:[^()\\]|\\.?)++", re.DOTALL)
_DOT_ATOM = re.compile(r"[^\s()<>\[\]:;@\\,\".]+(?:\.[^\s()<>\[\]:;@\\,\".]+)*")
_MARKS: Final = frozenset('<>[]:;@\\,"')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def addresses(value: str) -> list[str]:
    """Return the addr-specs of an address header's value, in order, those inside groups too.

    Display names, comments, encoded words, source routes and white space are dropped; case and
    quotes of local parts stay. What has no @ is no address and left out.
    """
    return [address for _, address in mailboxes(value) if address]


def mailboxes(value: str) -> list[tuple[str, str]]:
    """Return display name, as it is written, and addr-spec of each mailbox in *value*, in order.

    The name is empty where there is none, or one that is not well written; the addr-spec where
    there is an @, but no address that could be read.
    """
    reader = _Reader()
    for kind, piece in _pieces(value[:MAX_CHARACTERS]):
        reader.take(kind, piece)
    reader.end_mailbox()
    return reader.found


def canonical(address: str) -> str:
    """Return the form under which addresses are compared: no case, no needless quotes."""
    local, at, domain = address.strip().rpartition("@")
    if len(local) > 1 and local.startswith('"') and local.endswith('"'):
        plain = _ESCAPED.sub(r"\1", local[1:-1])
        if _DOT_ATOM.fullmatch(plain):
            local = plain
    return f"{local}{at}{domain}".casefold()


def same_address(first: str, second: str) -> bool:
    """Tell whether both are the same mailbox: case carries no meaning in KIM."""
    return canonical(first) == canonical(second)


def _pieces(value: str) -> Iterator[tuple[str, str]]:
    """Yield the pieces of *value*: a space for white space and comments, words, single marks."""
    position = depth = 0
    while position < len(value):
        match = (_IN_COMMENT if depth else _PIECE).match(value, position)
        if match is None:
            return
        position = match.end()
        piece = match.group()
        if depth:
            depth += (piece == "(") - (piece == ")")
        elif piece == "(":
            depth = 1
            yield "space", " "
        else:
            yield match.lastgroup or "", " " if match.lastgroup == "space" else piece


class _Reader:
    """Collects the mailboxes of one list, piece by piece."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self._bare: list[str] = []
        self._angle: list[str] | None = None
        self._in_angle = False

    def take(self, kind: str, piece: str) -> None:
        """Take the next piece."""
        if kind == "mark" and piece == "<" and not self._in_angle:
            self._angle, self._in_angle = [], True
        elif kind == "mark" and piece == ">":
            self._in_angle = False
        elif self._in_angle and self._angle is not None:
            if kind == "mark" and piece == ":":  # the end of a source route
                self._angle = []
            else:
                _add(self._angle, piece)
        elif kind == "mark" and piece in ",;":
            self.end_mailbox()
        elif kind == "mark" and piece == ":":  # the end of a group's name
            self._bare = []
        else:
            _add(self._bare, piece)

    def end_mailbox(self) -> None:
        """Keep what was read since the last separator if it is an address, or may be one."""
        pieces = self._bare if self._angle is None else self._angle
        if pieces and pieces[-1] == " ":
            pieces.pop()
        local, at, domain = "".join(pieces).rpartition("@")
        if at:
            readable = local and domain and " " not in pieces
            self.found.append((self._display(), local + at + domain if readable else ""))
        self._bare, self._angle, self._in_angle = [], None, False

    def _display(self) -> str:
        """Return what stands before the angle bracket, if it is made of words."""
        if self._angle is None or _MARKS.intersection(self._bare):
            return ""
        return "".join(self._bare).strip()


def _add(pieces: list[str], piece: str) -> None:
    """Add *piece*; a space counts only between two words."""
    last = pieces[-1] if pieces else "@"
    if piece == " " and last in {" ", "@"}:
        return
    if piece == "@" and last == " ":
        pieces.pop()
    pieces.append(piece)
