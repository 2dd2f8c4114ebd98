"""Distinguished names as text (RFC 4514), as far as bases of searches need them."""

from __future__ import annotations

import re

from .schema import fold, key_of

MAX_LENGTH = 4_096
_RDN_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+")
_HEX_PAIR = re.compile(rb"[0-9A-Fa-f]{2}")

Dn = tuple[tuple[str, str], ...]


class DnError(ValueError):
    """A text is no distinguished name."""


def parse_dn(text: str) -> Dn:
    """Return the parts of *text*, nearest first, as attribute key and folded value.

    Names with several attributes in one part do not exist in the directory and are refused.
    """
    if len(text) > MAX_LENGTH:
        raise DnError(f"a name of more than {MAX_LENGTH} characters")
    if not text.strip():
        return ()
    return tuple(_part(part) for part in _split(text))


def _split(text: str) -> list[str]:
    """Split at commas that are not escaped."""
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == ",":
            parts.append(text[start:at])
            start = at + 1
        at += 1
    parts.append(text[start:])
    return parts


def _part(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    name = name.strip()
    key = key_of(name)
    if not equals or not _RDN_TYPE.fullmatch(name) or key is None:
        raise DnError("a part of the name is not TYPE=VALUE")
    return key, fold(_unescape(value)).strip()


def _unescape(value: str) -> str:
    content, at, raw = bytearray(), 0, value.encode("utf-8", "surrogatepass")
    while at < len(raw):
        if raw[at : at + 1] != b"\\":
            content.append(raw[at])
            at += 1
        elif _HEX_PAIR.fullmatch(raw, at + 1, at + 3):
            content.append(int(raw[at + 1 : at + 3], 16))
            at += 3
        elif at + 1 < len(raw):
            content.append(raw[at + 1])
            at += 2
        else:
            raise DnError("a backslash at the end of a part")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise DnError("an escaped value that is no UTF-8") from None
