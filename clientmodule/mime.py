"""The MIME parts of a message by their place in its bytes, so that the rest stays untouched."""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from urllib.parse import unquote_to_bytes

from simulators.formats.entities import content_type, from_base64
from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers

MAX_DEPTH = 20
MAX_PARTS = 2_000
MAX_PART_HEADERS = 64 << 10
MAX_PARAMETER_PIECES = 100
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_DELIMITER_REST = re.compile(rb"(--)?[ \t]*+\r?(?:\n|\Z)")


@dataclass(frozen=True)
class Part:
    """A part that holds no further parts: ``start`` to ``end``, its body from ``body`` on.

    ``inside`` are the types of the multiparts around it, outermost first.
    """

    headers: Headers
    start: int
    body: int
    end: int
    inside: tuple[str, ...]

    @cached_property
    def _described(self) -> tuple[str, dict[str, str]]:
        return content_type(self.headers)

    @property
    def content_type(self) -> str:
        """Media type in lower case; text/plain where it is missing or broken (RFC 2045, 5.2)."""
        return _media_type(self._described[0])

    @property
    def charset(self) -> str:
        """The charset parameter in lower case, us-ascii without one."""
        return (_parameter(self._described[1], "charset") or "us-ascii").lower()

    @property
    def boundary(self) -> bytes | None:
        """The boundary of a multipart; None for another part, or where it is missing."""
        if not self.content_type.startswith("multipart/"):
            return None
        boundary = _parameter(self._described[1], "boundary")
        return None if boundary is None else boundary.encode("utf-8", "replace")

    @property
    def disposition(self) -> str | None:
        """The word of Content-Disposition in lower case."""
        value = self.headers.get("Content-Disposition")
        return None if value is None else value.partition(";")[0].strip().lower()

    @property
    def transfer_encoding(self) -> str:
        """Content-Transfer-Encoding in lower case, 7bit without one."""
        return (self.headers.get("Content-Transfer-Encoding") or "7bit").strip().lower()


def parts(message: bytes) -> Iterator[Part]:
    """Yield the leaves of *message*: parts that are no multipart.

    A message/rfc822 part is a leaf: what it holds is another message. So is a multipart inside
    of MAX_DEPTH others. Raises FormatError after MAX_PARTS parts, multiparts counted.
    """
    return _walk(message, 0, len(message), (), count(), message=True)


def decoded(message: bytes, part: Part) -> bytes:
    """Return the content of *part* without its transfer encoding; as it is if that is broken."""
    body = message[part.body : part.end]
    match part.transfer_encoding:
        case "base64":
            try:
                return from_base64(body)
            except binascii.Error:
                return body
        case "quoted-printable":
            return quopri.decodestring(body)
        case _:
            return body


def decoded_size(message: bytes, leaves: Iterable[Part]) -> int:
    """Return the size of *message* with its base64 parts decoded (KOM-LE-A_2004-01).

    Line ends and padding of base64 count for nothing.
    """
    size = len(message)
    for part in leaves:
        if part.transfer_encoding == "base64":
            encoded = part.end - part.body
            written = encoded - sum(message.count(c, part.body, part.end) for c in (b"\r", b"\n"))
            size -= encoded - written * 3 // 4
    return size


def _walk(
    content: bytes,
    start: int,
    end: int,
    inside: tuple[str, ...],
    seen: Iterator[int],
    *,
    message: bool,
) -> Iterator[Part]:
    if next(seen) >= MAX_PARTS:
        raise FormatError(f"the message has more than {MAX_PARTS} parts")
    headers, body = _headers(content, start, end, whole=message)
    part = Part(headers, start, body, end, inside)
    boundary = part.boundary
    if boundary is None or len(inside) >= MAX_DEPTH:
        yield part
        return
    nested = (*inside, part.content_type)
    for part_start, part_end in _between(content, body, end, boundary):
        yield from _walk(content, part_start, part_end, nested, seen, message=False)


def _between(content: bytes, start: int, end: int, delimiter: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of each part; the line end before a delimiter belongs to it."""
    opened: int | None = None
    for found, line_end, last in _delimiters(content, start, end, b"--" + delimiter):
        if opened is not None:
            yield opened, max(opened, _before_line_end(content, found))
        if last:
            return
        opened = min(line_end, end)
    if opened is not None:
        yield opened, end


def _delimiters(
    content: bytes, start: int, end: int, delimiter: bytes
) -> Iterator[tuple[int, int, bool]]:
    """Yield start and end of each line that is *delimiter*, and whether it is the closing one."""
    at_line = b"\n" + delimiter
    here = content.startswith(delimiter, start, end)
    position = start if here else content.find(at_line, start, end) + 1
    while here or position > 0:
        here = False
        after = position + len(delimiter)
        rest = _DELIMITER_REST.match(content, after, end)
        if rest is not None:
            yield position, rest.end(), rest.group(1) is not None
            after = max(after, rest.end() - 1)  # its line end may be that before the next one
        position = content.find(at_line, after, end) + 1


def _before_line_end(content: bytes, position: int) -> int:
    if content[position - 2 : position] == b"\r\n":
        return position - 2
    return position - 1 if content[position - 1 : position] == b"\n" else position


def _headers(content: bytes, start: int, end: int, *, whole: bool) -> tuple[Headers, int]:
    """Return the header block at *start* and where the body begins."""
    if content[start : start + 2] == b"\r\n":
        return Headers.parse(b""), start + 2
    if content[start : start + 1] == b"\n":
        return Headers.parse(b""), start + 1
    limit = end if whole else min(end, start + MAX_PART_HEADERS)
    found = _EMPTY_LINE.search(content, start, limit)
    if found is None:
        return Headers.parse(content[start:limit]), limit if whole else end
    return Headers.parse(content[start : found.start()]), found.end()


def _media_type(written: str) -> str:
    return written if written.count("/") == 1 else "text/plain"


def _parameter(parameters: Mapping[str, str], name: str) -> str | None:
    """Return a parameter, also one that is encoded or continued (RFC 2231); None without it."""
    if name in parameters:
        return parameters[name]
    if f"{name}*" in parameters:
        return _unescaped(parameters[f"{name}*"].rpartition("'")[2])
    pieces = []
    for number in range(MAX_PARAMETER_PIECES):
        plain = parameters.get(f"{name}*{number}")
        encoded = parameters.get(f"{name}*{number}*")
        if plain is not None:
            pieces.append(plain)
        elif encoded is not None:
            pieces.append(_unescaped(encoded if number else encoded.rpartition("'")[2]))
        else:
            break
    return "".join(pieces) if pieces else None


def _unescaped(value: str) -> str:
    return unquote_to_bytes(value).decode("utf-8", "replace")
