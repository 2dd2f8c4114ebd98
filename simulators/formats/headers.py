"""A raw, order-preserving header block: what is not changed keeps its bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from email.errors import HeaderParseError
from email.header import Header, decode_header, make_header
from typing import Final

from .addresses import addresses, canonical, same_address
from .errors import FormatError

__all__ = [
    "MAX_HEADER_BYTES",
    "Headers",
    "addresses",
    "canonical",
    "decoded",
    "encoded",
    "same_address",
    "split_message",
]

MAX_HEADER_BYTES: Final = 1 << 20
"""Far beyond any mail; a mail whose header never ends must not be worked on as one."""

_LINE_END = re.compile(rb"\r?\n")
_BARE_CR = re.compile(rb"\r(?!\n)")
_FIELD_END = re.compile(rb"\r?\n(?![ \t])")
_EMPTY_LINE = re.compile(rb"\A\r?\n|\r?\n\r?\n")
_NAME = re.compile(rb"([\x21-\x39\x3b-\x7e]+)[ \t]*:")
_FIELD_NAME = re.compile(r"[\x21-\x39\x3b-\x7e]+")
_FOLDING = re.compile(r"\r\n(?=[ \t])")
_FOLD_AT = 76


class Headers:
    """The header fields of a message, each with its bytes as they came (folding, case, 8 bit).

    Names are compared without case. Lines end in CRLF on writing, and a CR that ends none is a
    space, for some programs would see another field behind it; a line that is no field (an mbox
    ``From `` line) stays where it is and has the name "".
    """

    def __init__(self) -> None:
        self._fields: list[tuple[str, bytes]] = []

    @classmethod
    def parse(cls, block: bytes) -> Headers:
        """Read a header block; empty lines, which would end it, are dropped.

        Raises FormatError if it is larger than MAX_HEADER_BYTES.
        """
        if len(block) > MAX_HEADER_BYTES:
            raise FormatError(f"the header is larger than {MAX_HEADER_BYTES} bytes")
        if block.count(b"\r") != block.count(b"\r\n"):
            block = _BARE_CR.sub(b" ", block)
        headers = cls()
        headers._fields = [_named(field) for field in _FIELD_END.split(block) if field]
        return headers

    def get(self, name: str) -> str | None:
        """Return the first value of *name*, unfolded; UTF-8, or Latin-1 where that fails."""
        wanted = name.lower()
        for field_name, field in self._fields:
            if field_name == wanted:
                return _value(field)
        return None

    def get_all(self, name: str) -> list[str]:
        """Return every value of *name*, unfolded."""
        return [_value(field) for field in self.raw(name)]

    def raw(self, name: str) -> list[bytes]:
        """Return the whole fields called *name* with their folding, without the last CRLF."""
        wanted = name.lower()
        return [field for field_name, field in self._fields if field_name == wanted]

    def names(self) -> list[str]:
        """Return the names of all fields in their order, written as they came."""
        return [name for name, _ in self]

    def remove(self, name: str) -> int:
        """Remove every field called *name*; return how many there were."""
        wanted = name.lower()
        before = len(self._fields)
        self._fields = [item for item in self._fields if item[0] != wanted]
        return before - len(self._fields)

    def replace(self, name: str, value: str) -> None:
        """Set *name* to *value* at the place of its first field, else at the end; drop others."""
        wanted = name.lower()
        place = next(
            (i for i, (field_name, _) in enumerate(self._fields) if field_name == wanted),
            len(self._fields),
        )
        self.remove(name)
        self._fields.insert(place, _new(name, value))

    def append(self, name: str, value: str) -> None:
        """Add a field at the end. Raises FormatError if *value* would break out of its field."""
        self._fields.append(_new(name, value))

    def prepend(self, name: str, value: str) -> None:
        """Add a field at the top (trace fields)."""
        self._fields.insert(0, _new(name, value))

    def named(self, *names: str) -> Headers:
        """Return the fields called *names*, in the order of the names, untouched."""
        selected = Headers()
        for name in names:
            wanted = name.lower()
            selected._fields += [item for item in self._fields if item[0] == wanted]
        return selected

    def select(self, wanted: Callable[[str], bool]) -> Headers:
        """Return the fields whose name, in lower case, is *wanted*, in their order, untouched."""
        selected = Headers()
        selected._fields = [item for item in self._fields if wanted(item[0])]
        return selected

    def extend(self, other: Headers) -> None:
        """Add the fields of *other* at the end, untouched."""
        self._fields += other._fields

    def append_raw(self, field: bytes) -> None:
        """Add a whole field as it stands (from ``raw``) at the end."""
        self._fields.extend(Headers.parse(field)._fields)

    def prepend_raw(self, field: bytes) -> None:
        """Add a whole field as it stands (from ``raw``) at the top."""
        self._fields[:0] = Headers.parse(field)._fields

    def to_bytes(self) -> bytes:
        """Return the block, every line ended by CRLF, without the empty line."""
        return b"".join(field + b"\r\n" for _, field in self._fields)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Iterate over name (as it came) and value of every field."""
        for name, field in self._fields:
            yield field[: len(name)].decode("ascii"), _value(field)

    def __len__(self) -> int:
        return len(self._fields)


def split_message(message: bytes) -> tuple[Headers, bytes]:
    """Return headers and body (what follows the first empty line).

    Raises FormatError if the header is larger than MAX_HEADER_BYTES.
    """
    end = _EMPTY_LINE.search(message, 0, MAX_HEADER_BYTES + 4)
    if end is None:
        return Headers.parse(message), b""
    return Headers.parse(message[: end.start()]), message[end.end() :]


def decoded(value: str) -> str:
    """Return *value* with its encoded words (RFC 2047) decoded, as it is where that fails."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError, HeaderParseError):
        return value


def encoded(text: str) -> str:
    """Return *text* as a header value in ASCII, in encoded words (RFC 2047) where it is not."""
    return text if text.isascii() else Header(text, "utf-8").encode(linesep="\r\n")


def _named(field: bytes) -> tuple[str, bytes]:
    match = _NAME.match(field)
    name = match.group(1).decode("ascii").lower() if match else ""
    return name, _LINE_END.sub(b"\r\n", field)


def _value(field: bytes) -> str:
    match = _NAME.match(field)
    value = field[match.end() :] if match else field
    value = value.replace(b"\r\n", b"").strip(b" \t")
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _new(name: str, value: str) -> tuple[str, bytes]:
    """Return a field, folded anew at its spaces; a line break that is no folding is refused."""
    value = _FOLDING.sub("", value)
    if not _FIELD_NAME.fullmatch(name):
        raise FormatError("not the name of a header field")
    if any(character in value for character in "\r\n\0"):
        raise FormatError("the value of a header field holds line breaks")
    return name.lower(), _folded(f"{name}: {value}".encode())


def _folded(field: bytes) -> bytes:
    """Return *field* with line breaks before spaces, none of them within its first word."""
    if len(field) <= _FOLD_AT:
        return field
    first, *words = re.split(rb"(?=[ ])", field)
    lines = [bytearray(first + (words.pop(0) if words else b""))]
    for word in words:
        if len(lines[-1]) + len(word) > _FOLD_AT and word.strip():
            lines.append(bytearray(word))
        else:
            lines[-1] += word
    return b"\r\n".join(lines)
