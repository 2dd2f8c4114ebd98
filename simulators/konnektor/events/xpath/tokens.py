"""The words of an XPath expression (section 3.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

TokenKind = Literal["literal", "number", "name", "operator", "symbol", "end"]
_NAME = r"[^\W\d][\w.\-]*"
_PATTERN = (
    r"(?P<literal>\"[^\"]*\"|'[^']*')"
    r"|(?P<number>\d+(?:\.\d*)?|\.\d+)"
    rf"|(?P<name>{_NAME}(?::(?!:)(?:{_NAME}|\*))?|\*)"
    r"|(?P<symbol>::|//|\.\.|<=|>=|!=|[()\[\]@,/|+\-=<>.$])"
)
_SPACE = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(_PATTERN)
_OPERATOR_NAMES = frozenset(("and", "or", "div", "mod", "*"))
_OPERATORS = frozenset(("/", "//", "|", "+", "-", "=", "!=", "<", "<=", ">", ">="))
_BEFORE_OPERAND = _OPERATORS | {"@", "::", "(", "[", ","}


class NotCompiled(ValueError):
    """The text is no XPath that a filter may use; says why, in German."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the expression."""

    kind: TokenKind
    text: str


def tokens(text: str) -> list[Token]:
    """Return the words of *text*, with an end. Raises NotCompiled for a character without use."""
    found: list[Token] = []
    place = _skip(text, 0)
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise NotCompiled(f"{text[place]!r} ist an Stelle {place + 1} nicht erlaubt")
        found.append(_token(match, found[-1] if found else None))
        place = _skip(text, match.end())
    return [*found, Token("end", "")]


def _skip(text: str, place: int) -> int:
    space = _SPACE.match(text, place)
    return space.end() if space else place


def _token(match: re.Match[str], before: Token | None) -> Token:
    """Return the token; a name like ``and`` is an operator where an operand stands before it."""
    text = match.group()
    after_operand = before is not None and not (
        before.kind == "operator" or (before.kind == "symbol" and before.text in _BEFORE_OPERAND)
    )
    if match.lastgroup == "name":
        is_operator = text in _OPERATOR_NAMES and after_operand
        return Token("operator" if is_operator else "name", text)
    if match.lastgroup == "literal":
        return Token("literal", text[1:-1])
    return Token("number" if match.lastgroup == "number" else "symbol", text)
