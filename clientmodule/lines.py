"""Line protocols over streams: bounded lines, dot-terminated texts, time-outs, lost connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

MAX_LINE = 12_288  # RFC 4954, 4.: room for AUTH; the greatest of SMTP and POP3
CHUNK = 65_536
DOT_END = b"\r\n.\r\n"
CLOSE_SECONDS = 1.0


class ConnectionLost(ConnectionError):  # noqa: N818 (an event, not only an error)
    """The other side closed the connection, or it broke."""


class LineTooLong(ValueError):  # noqa: N818
    """A line is longer than allowed; the rest of it was thrown away."""


class TextTooLong(ValueError):  # noqa: N818
    """A dot-terminated text is longer than allowed; it was read to its end and thrown away."""


class LineStream:
    """One connection of a line protocol; every read and write ends within ``seconds``.

    ``lost`` is done as soon as the connection is known to be gone.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, seconds: float
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._seconds = seconds
        self._buffer = bytearray()
        self.lost: asyncio.Future[None] = asyncio.ensure_future(_closed(writer))

    @property
    def peer_certificate(self) -> bytes | None:
        """The other side's TLS certificate, DER; None without TLS."""
        tls = self._writer.get_extra_info("ssl_object")
        certificate: bytes | None = None if tls is None else tls.getpeercert(binary_form=True)
        return certificate

    async def line(self, limit: int = MAX_LINE) -> bytes:
        """Return the next line without its end.

        Raises ConnectionLost, TimeoutError, or LineTooLong after having skipped the line.
        """
        skipping = False
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            if len(self._buffer) > limit:
                self._buffer.clear()
                skipping = True
            searched = len(self._buffer)
            await self._fill()
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        if skipping or len(line) > limit:
            raise LineTooLong
        return line

    @property
    def has_line(self) -> bool:
        """Tell whether the next line is already here."""
        return b"\n" in self._buffer

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the raw bytes of a dot-terminated text, its terminator included.

        Only CRLF.CRLF ends it (a bare LF never does). Raises ConnectionLost or TimeoutError.
        """
        before = b"\r\n"  # the text begins at the beginning of a line
        while True:
            if not self._buffer:
                await self._fill()
            joined = before + self._buffer
            end = joined.find(DOT_END)
            if end >= 0:
                size = end + len(DOT_END) - len(before)
                yield bytes(self._buffer[:size])
                del self._buffer[:size]
                return
            chunk = bytes(self._buffer)
            self._buffer.clear()
            before = bytes(joined[-(len(DOT_END) - 1) :])
            yield chunk

    async def text(self, limit: int, already: bytes = b"") -> bytes:
        """Return a dot-terminated text as it came: still stuffed, terminator included.

        *already* are bytes of it that were read before. Raises TextTooLong, ConnectionLost,
        TimeoutError.
        """
        parts = [already]
        size = len(already)
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                parts.clear()
            else:
                parts.append(chunk)
        if size > limit:
            raise TextTooLong
        return b"".join(parts)

    async def write(self, content: bytes) -> None:
        """Send *content*. Raises ConnectionLost or TimeoutError."""
        try:
            self._writer.write(content)
            async with asyncio.timeout(self._seconds):
                await self._writer.drain()
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise ConnectionLost from error

    async def close(self) -> None:
        """Close the connection; what was written is sent if the other side still reads."""
        self._writer.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.lost), CLOSE_SECONDS)
        if not self.lost.done():
            self._writer.transport.abort()
            self.lost.cancel()

    async def _fill(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                chunk = await self._reader.read(CHUNK)
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise ConnectionLost from error
        if not chunk:
            raise ConnectionLost
        self._buffer += chunk


async def _closed(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        await writer.wait_closed()


def unstuff(text: bytes) -> bytes:
    """Return the message inside a dot-terminated *text* (RFC 5321, 4.5.2; RFC 1939, 3)."""
    content = text[:-3]  # the terminating line; what is left ends in CRLF or is empty
    if content.startswith(b"."):
        content = content[1:]
    return content.replace(b"\r\n.", b"\r\n")


def stuff(message: bytes) -> bytes:
    """Return *message* as dot-terminated text."""
    if message.startswith(b"."):
        message = b"." + message
    message = message.replace(b"\r\n.", b"\r\n..")
    return message + (b".\r\n" if message.endswith(b"\r\n") else DOT_END)
