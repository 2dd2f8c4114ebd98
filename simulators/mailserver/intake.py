"""Taking in the text of a mail: hostile input refused, memory bounded, the wire read once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from .database import StoreError
from .faults import (
    BARE_NEWLINE,
    HEADER_TOO_LARGE,
    LINE_TOO_LONG,
    NUL_BYTE,
    TOO_LARGE,
    Reply,
    of_store,
)
from .store import PART_SIZE, Store

END_OF_DATA = b"\r\n.\r\n"
MAX_LINE = 1000  # with CRLF (RFC 5321 4.5.3.1.6)
MAX_HEADER = 256 << 10
MAX_DISCARDED = 64 << 20


class Endless(Exception):
    """The sender does not stop after its mail became too large: the connection is to be cut."""


@dataclass
class Received:
    """A mail that came in whole.

    ``head`` is all of it, or its first part when ``content`` names further parts in the store.
    """

    head: bytes
    size: int
    content: int | None = None


@dataclass
class Intake:
    """Checks and keeps one mail while it comes in.

    Only CRLF ends a line: with a bare CR or LF servers disagree where a mail ends (SMTP
    smuggling), so such a mail is refused. After a refusal the rest is read and dropped, for the
    reply may come only after the end.
    """

    store: Store
    limit: int
    refusal: Reply | None = None
    _buffer: list[bytes] = field(default_factory=list)
    _buffered: int = 0
    _unfinished: bytes = b""
    _size: int = 0
    _dropped: int = 0
    _head: bytes | None = None
    _content: int | None = None
    _parts: int = 0

    async def feed(self, piece: bytes) -> None:
        """Take bytes as they come from the wire, dots doubled. Raises Endless."""
        if self.refusal is None:
            data = self._unfinished + piece
            cut = data.rfind(b"\n") + 1
            self._unfinished = data[cut:]
            await self._take_lines(data[:cut] if self._unfinished else data)
        if self.refusal is not None:
            self._dropped += len(piece)
            if self._dropped > MAX_DISCARDED:
                raise Endless

    async def finish(self) -> Received | None:
        """Return the mail, or None after a refusal; then nothing of it is left in the store."""
        if self.refusal is None and self._unfinished:
            self.refusal = LINE_TOO_LONG
        if self.refusal is None and self._head is None:
            self._head = b"".join(self._buffer)
            self._check_header(self._head)
        elif self.refusal is None and self._buffer:
            await self._store(self._store_part())
        if self.refusal is not None:
            await self.abandon()
            return None
        assert self._head is not None
        return Received(self._head, self._size, self._content)

    async def abandon(self) -> None:
        """Drop what is stored of a mail that does not come to its end."""
        self._buffer.clear()
        content, self._content = self._content, None
        if content is not None:
            with suppress(StoreError):  # no room even for that: the next start drops it
                await self.store.discard(content)

    async def _take_lines(self, lines: bytes) -> None:
        self.refusal = _fault(lines, len(self._unfinished))
        if self.refusal is not None:
            self._buffer.clear()
            return
        if lines[:1] == b".":
            lines = lines[1:]
        if b"\n." in lines:
            lines = lines.replace(b"\r\n.", b"\r\n")
        self._size += len(lines)
        if self._size > self.limit:
            self.refusal = TOO_LARGE
            self._buffer.clear()
            return
        self._buffer.append(lines)
        self._buffered += len(lines)
        if self._buffered >= PART_SIZE:
            await self._store(self._spill())

    async def _store(self, work: Awaitable[None]) -> None:
        """Await *work*; when the store fails, refuse the mail and read it to its end."""
        try:
            await work
        except StoreError as error:
            self.refusal = of_store(error)
            self._buffer.clear()

    async def _spill(self) -> None:
        if self._head is None:
            self._head = b"".join(self._buffer)
            self._check_header(self._head)
            if self.refusal is None:
                self._content = await self.store.open_content()
            self._buffer.clear()
            self._buffered = 0
        else:
            await self._store_part()

    async def _store_part(self) -> None:
        assert self._content is not None
        await self.store.add_part(self._content, self._parts, b"".join(self._buffer))
        self._parts += 1
        self._buffer.clear()
        self._buffered = 0

    def _check_header(self, head: bytes) -> None:
        end = 0 if head.startswith(b"\r\n") else head.find(b"\r\n\r\n", 0, MAX_HEADER + 4)
        if end < 0 and len(head) > MAX_HEADER:
            self.refusal = HEADER_TOO_LARGE


def _fault(lines: bytes, unfinished: int) -> Reply | None:
    """Tell what is wrong with whole *lines*, followed by *unfinished* bytes of the next."""
    if b"\0" in lines:
        return NUL_BYTE
    ends = lines.count(b"\r\n")
    if lines.count(b"\n") != ends or lines.count(b"\r") != ends:
        return BARE_NEWLINE
    if unfinished > MAX_LINE:
        return LINE_TOO_LONG
    start, size = 0, len(lines)
    while size - start > MAX_LINE:
        end = lines.rfind(b"\r\n", start, start + MAX_LINE + 1)
        if end < start:
            return LINE_TOO_LONG
        start = end + 2
    return None


async def read_data(reader: asyncio.StreamReader, feed: Callable[[bytes], Awaitable[None]]) -> None:
    """Hand the bytes up to the end of data to *feed*, without the final dot and its CRLF.

    Bytes after the end (the next command of a pipelining client) stay in *reader*.
    """
    begun, start = b"\r\n", 2  # of the DATA command: a dot right after it ends an empty mail
    while expected := _overlap(begun):
        begun += await reader.readexactly(len(END_OF_DATA) - expected)
        if begun.endswith(END_OF_DATA):
            await feed(begun[start:-3])
            return
        if len(begun) > MAX_LINE:  # nothing but empty lines
            await feed(begun[start:-4])
            begun, start = begun[-4:], 0
    await feed(begun[start:])
    while True:
        try:
            piece = await reader.readuntil(END_OF_DATA)
        except asyncio.LimitOverrunError as error:
            await feed(await reader.read(error.consumed))
            continue
        await feed(piece[:-3])
        return


def _overlap(data: bytes) -> int:
    """Return how many bytes at the end of *data* may be the beginning of the end of data."""
    return next((n for n in (4, 3, 2, 1) if data.endswith(END_OF_DATA[:n])), 0)
