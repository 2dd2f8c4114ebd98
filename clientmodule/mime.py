"""The MIME parts of a message by their place in its bytes, so that the rest stays untouched."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value
from itertools import islice

from simulators.formats.headers import Headers

MAX_DEPTH = 20
MAX_PARTS = 2_000
MAX_PART_HEADERS = 64 << 10
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")


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

    @property
    def content_type(self) -> str:
        """Media type in lower case; text/plain where it is missing or broken (RFC 2045, 5.2)."""
        return _described(self.headers, "Content-Type").get_content_type()

    @property
    def charset(self) -> str:
        """The charset parameter in lower case, us-ascii without one."""
        return _described(self.headers, "Content-Type").get_content_charset("us-ascii")

    @property
    def disposition(self) -> str | None:
        """The word of Content-Disposition in lower case."""
        return _described(self.headers, "Content-Disposition").get_content_disposition()

    @property
    def transfer_encoding(self) -> str:
        """Content-Transfer-Encoding in lower case, 7bit without one."""
        return (self.headers.get("Content-Transfer-Encoding") or "7bit").strip().lower()


def parts(message: bytes) -> Iterator[Part]:
    """Return the leaves of *message*: parts that are no multipart. Depth and number are bounded.

    A message/rfc822 part is a leaf: what it holds is another message.
    """
    return islice(_walk(message, 0, len(message), (), message=True), MAX_PARTS)


def decoded(message: bytes, part: Part) -> bytes:
    """Return the content of *part* without its transfer encoding; as it is if that is broken."""
    body = message[part.body : part.end]
    match part.transfer_encoding:
        case "base64":
            try:
                return base64.b64decode(body)
            except (binascii.Error, ValueError):
                return body
        case "quoted-printable":
            return quopri.decodestring(body)
        case _:
            return body


def decoded_size(message: bytes, leaves: Iterable[Part]) -> int:
    """Return the size of *message* with its base64 parts decoded (KOM-LE-A_2004-01)."""
    size = len(message)
    for part in leaves:
        if part.transfer_encoding == "base64":
            size -= (part.end - part.body) - (part.end - part.body) * 3 // 4
    return size


def _walk(
    content: bytes, start: int, end: int, inside: tuple[str, ...], *, message: bool
) -> Iterator[Part]:
    headers, body = _headers(content, start, end, whole=message)
    description = _described(headers, "Content-Type")
    boundary = description.get_param("boundary")
    is_multipart = description.get_content_maintype() == "multipart"
    if not is_multipart or boundary is None or len(inside) >= MAX_DEPTH:
        yield Part(headers, start, body, end, inside)
        return
    delimiter = collapse_rfc2231_value(boundary).encode("utf-8", "replace")
    nested = (*inside, description.get_content_type())
    for part_start, part_end in _between(content, body, end, delimiter):
        yield from _walk(content, part_start, part_end, nested, message=False)


def _between(content: bytes, start: int, end: int, delimiter: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of each part; the line end before a delimiter belongs to it."""
    line = re.compile(rb"^--" + re.escape(delimiter) + rb"(--)?[ \t]*\r?$", re.MULTILINE)
    opened: int | None = None
    for found in line.finditer(content, start, end):
        if opened is not None:
            yield opened, max(opened, _before_line_end(content, found.start()))
        if found.group(1):
            return
        opened = min(found.end() + 1, end)
    if opened is not None:
        yield opened, end


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


def _described(headers: Headers, name: str) -> Message:
    description = Message()
    value = headers.get(name)
    if value is not None:
        description[name] = " ".join(value.split())
    return description
