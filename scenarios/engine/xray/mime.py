"""MIME parts of a mail, bounded in number and depth, whatever the bytes are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import MessageError
from email.message import Message
from typing import Final

from simulators.formats.entities import content_type, transfer_decoded
from simulators.formats.errors import FormatError
from simulators.formats.headers import Headers, decoded, split_message

MAX_DEPTH: Final = 12
MAX_PARTS: Final = 200
MAX_PARAMETERS: Final = 2000


@dataclass(frozen=True)
class Leaf:
    """A part that is no multipart: decoded content; ``broken`` says why it could not be."""

    media_type: str
    parameters: dict[str, str]
    headers: Headers
    content: bytes
    broken: str | None = None

    @property
    def file_name(self) -> str | None:
        """The name of the file, of Content-Disposition or Content-Type."""
        disposition = self.headers.get("Content-Disposition")
        if disposition is not None and len(disposition) <= MAX_PARAMETERS:
            holder = Message()
            try:
                holder["Content-Disposition"] = disposition
                name = holder.get_filename()
            except (MessageError, ValueError, LookupError):
                name = None
            if name:
                return word(name)
        named = self.parameters.get("name")
        return None if named is None else word(named)

    @property
    def disposition(self) -> str:
        """The kind of Content-Disposition in lower case, empty without one."""
        return (self.headers.get("Content-Disposition") or "").partition(";")[0].strip().lower()


def word(value: str) -> str:
    """Return a header's *value* with encoded words decoded."""
    return decoded(value[:MAX_PARAMETERS])


def leaves(headers: Headers, body: bytes) -> list[Leaf]:
    """Return the parts of a mail in their order, at most MAX_PARTS."""
    return list(_leaves(headers, body))


def _leaves(headers: Headers, body: bytes) -> Iterator[Leaf]:
    waiting = [(headers, body, 0)]
    found = 0
    while waiting and found < MAX_PARTS:
        own, content, depth = waiting.pop(0)
        media_type, parameters = content_type(own)
        if media_type.startswith("multipart/") and depth < MAX_DEPTH:
            inside = _pieces(content, parameters.get("boundary", ""))
            if inside:
                waiting[:0] = [(*split, depth + 1) for split in map(_split, inside) if split]
                continue
        found += 1
        yield _leaf(own, content, media_type, parameters)


def _split(part: bytes) -> tuple[Headers, bytes] | None:
    try:
        return split_message(part)
    except FormatError:
        return None


def _leaf(headers: Headers, body: bytes, media_type: str, parameters: dict[str, str]) -> Leaf:
    try:
        return Leaf(media_type, parameters, headers, transfer_decoded(headers, body))
    except FormatError as error:
        return Leaf(media_type, parameters, headers, body, str(error))


def _pieces(body: bytes, boundary: str) -> list[bytes]:
    """Return what stands between the delimiters of a multipart body."""
    if not boundary or not boundary.isascii():
        return []
    delimiter = re.compile(
        rb"(?:\A|\r?\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(?=\r?\n|\Z)"
    )
    pieces: list[bytes] = []
    begin = -1
    for match in delimiter.finditer(body):
        if begin >= 0:
            pieces.append(body[begin : match.start()])
        begin = match.end()
        if match.group(1) or len(pieces) >= MAX_PARTS:
            return [_after_line(piece) for piece in pieces]
    if begin >= 0:
        pieces.append(body[begin:])  # the closing delimiter is missing
    return [_after_line(piece) for piece in pieces]


def _after_line(piece: bytes) -> bytes:
    """Return a part without the end of its delimiter's line."""
    return (
        piece[2:] if piece.startswith(b"\r\n") else piece[1:] if piece.startswith(b"\n") else piece
    )
