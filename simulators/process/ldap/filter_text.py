"""Search filters as text (RFC 4515)."""

from __future__ import annotations

import re

from .filters import (
    MAX_DEPTH,
    MAX_ITEMS,
    And,
    Approximate,
    AtLeast,
    AtMost,
    Comparison,
    Equal,
    Extensible,
    Filter,
    Not,
    Or,
    Present,
    Substrings,
)


class FilterError(ValueError):
    """A text is no search filter; the message says where it ceases to be one."""


_ESCAPED = str.maketrans({c: f"\\{ord(c):02x}" for c in "\\*()\0"})
_SPECIAL = re.compile(r"[\\*()\0]")
_DESCRIPTION = r"(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)(?:;[A-Za-z0-9-]+)*"
_ITEM = re.compile(rf"({_DESCRIPTION})(=|~=|>=|<=)([^()]*)")
_EXTENSIBLE = re.compile(rf"({_DESCRIPTION})?(:dn)?(?::({_DESCRIPTION}))?:=([^()*]*)")
_OPERATORS: dict[str, type[Comparison]] = {
    "=": Equal,
    "~=": Approximate,
    ">=": AtLeast,
    "<=": AtMost,
}
_SYMBOLS = {kind: symbol for symbol, kind in _OPERATORS.items()}
_HEX_PAIR = re.compile(r"\\([0-9A-Fa-f]{2})?")


def escape_filter(value: str) -> str:
    """Return *value* so that it stands for itself inside a filter (RFC 4515, 3; A_20331)."""
    return value.translate(_ESCAPED) if _SPECIAL.search(value) else value


def parse_filter(text: str) -> Filter:
    """Return the filter that *text* says.

    Raises FilterError for anything else, and for a filter too deep or too long to be sent.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise FilterError("characters that are no text (lone surrogates)") from None
    parser = _Parser(text)
    content = parser.filter(MAX_DEPTH)
    if parser.at != len(text):
        raise FilterError(f"something follows the filter at character {parser.at}")
    return content


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._items = MAX_ITEMS
        self.at = 0

    def filter(self, depth: int) -> Filter:
        self._items -= 1
        if depth == 0 or self._items < 0:
            raise FilterError(f"too deep or too long at character {self.at}")
        self._expect("(")
        content = self._content(depth)
        self._expect(")")
        return content

    def _content(self, depth: int) -> Filter:
        match self._text[self.at : self.at + 1]:
            case "&":
                return And(self._parts(depth))
            case "|":
                return Or(self._parts(depth))
            case "!":
                self.at += 1
                return Not(self.filter(depth - 1))
        return self._item()

    def _parts(self, depth: int) -> tuple[Filter, ...]:
        self.at += 1
        parts = []
        while self._text.startswith("(", self.at):
            parts.append(self.filter(depth - 1))
        return tuple(parts)

    def _item(self) -> Filter:
        if found := _ITEM.match(self._text, self.at):
            attribute, operator, value = found.groups()
            content = self._simple(attribute, operator, value)
        elif found := _EXTENSIBLE.match(self._text, self.at):
            attribute, dn, rule, value = found.groups()
            if attribute is None and rule is None:
                raise FilterError(f"neither attribute nor rule at character {self.at}")
            content = Extensible(rule, attribute, self._value(value), dn is not None)
        else:
            raise FilterError(f"neither an item nor a list at character {self.at}")
        self.at = found.end()
        return content

    def _simple(self, attribute: str, operator: str, text: str) -> Filter:
        if "*" not in text:
            return _OPERATORS[operator](attribute, self._value(text))
        if operator != "=":
            raise FilterError(f"an asterisk after {operator} at character {self.at}")
        if text == "*":
            return Present(attribute)
        initial, *middle, final = map(self._value, text.split("*"))
        if not all(middle):
            raise FilterError(f"two asterisks side by side at character {self.at}")
        return Substrings(attribute, initial or None, tuple(middle), final or None)

    def _value(self, text: str) -> bytes:
        if "\0" in text:
            raise FilterError(f"a NUL that is not escaped at character {self.at}")
        if "\\" not in text:
            return text.encode()
        value, end = bytearray(), 0
        for pair in _HEX_PAIR.finditer(text):
            if pair[1] is None:
                raise FilterError(f"a backslash without two digits at character {self.at}")
            value += text[end : pair.start()].encode()
            value.append(int(pair[1], 16))
            end = pair.end()
        return bytes(value + text[end:].encode())

    def _expect(self, character: str) -> None:
        if not self._text.startswith(character, self.at):
            raise FilterError(f"{character!r} expected at character {self.at}")
        self.at += 1


def format_filter(content: Filter) -> str:  # noqa: PLR0911 (one for each kind)
    """Return *content* as text that ``parse_filter`` reads as the same filter.

    What came from the wire may name attributes that no text can; they are escaped to be legible.
    """
    match content:
        case Equal(attribute, value):  # first, as most are
            return f"({escape_filter(attribute)}={_format_value(value)})"
        case And(parts):
            return f"(&{''.join(map(format_filter, parts))})"
        case Or(parts):
            return f"(|{''.join(map(format_filter, parts))})"
        case Not(part):
            return f"(!{format_filter(part)})"
        case Present(attribute):
            return f"({escape_filter(attribute)}=*)"
        case Substrings(attribute, initial, middle, final):
            pieces = (initial or b"", *middle, final or b"")
            return f"({escape_filter(attribute)}={'*'.join(map(_format_value, pieces))})"
        case Extensible(rule, attribute, value, dn):
            name = (attribute or "") + (":dn" if dn else "") + (f":{rule}" if rule else "")
            return f"({escape_filter(name)}:={_format_value(value)})"
        case AtLeast() | AtMost() | Approximate():
            symbol = _SYMBOLS[type(content)]
            return f"({escape_filter(content.attribute)}{symbol}{_format_value(content.value)})"


def _format_value(value: bytes) -> str:
    try:
        return escape_filter(value.decode())
    except UnicodeDecodeError:
        return "".join(f"\\{byte:02x}" for byte in value)
