"""Line protocols over streams: bounded lines, dot-terminated texts, time-outs, lost connections."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

MAX_LINE = 12_288  # RFC 4954, 4.: room for AUTH; the greatest of SMTP and POP3
MAX_SKIPPED = 1 << 20
CHUNK = 65_536
PIECE = 256 << 10
DOT_END = b"\r\n.\r\n"
CLOSE_SECONDS = 0.2


CONTROLS = re.compile(rb"[\x00-\x1f\x7f]")
"""Characters that no command holds; a server might take one for the end of a word or line."""


class ConnectionLost(ConnectionError):
    """The other side closed the connection, or it broke."""


class OtherSideLost(ConnectionError):
    """Reading was interrupted: the connection that this one belongs to is gone."""


class LineTooLong(ValueError):
    """A line is longer than allowed; the rest of it was thrown away."""


class TextTooLong(ValueError):
    """A dot-terminated text is longer than allowed; it was read to its end and thrown away."""


class LineStream:
    """One connection of a line protocol; every line, chunk and write ends within ``seconds``.

    ``lost`` is done as soon as the connection is known to be gone.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, seconds: float
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._seconds = seconds
        self._buffer = bytearray()
        self._other_lost: asyncio.Future[None] | None = None
        self.lost: asyncio.Future[None] = asyncio.ensure_future(_closed(writer))

    @property
    def peer_certificate(self) -> bytes | None:
        """The other side's TLS certificate, DER; None without TLS."""
        tls = self._writer.get_extra_info("ssl_object")
        certificate: bytes | None = None if tls is None else tls.getpeercert(binary_form=True)
        return certificate

    async def line(self, limit: int = MAX_LINE) -> bytes:
        """Return the next line without its end.

        Raises ConnectionLost, TimeoutError, or LineTooLong after having skipped the line; who
        sends MAX_SKIPPED bytes of one line is not waited for.
        """
        skipping = False
        end = self._buffer.find(b"\n")
        if end < 0:
            async with asyncio.timeout(self._seconds):  # for the line: bytes may come one by one
                end, skipping = await self._line_end(limit)
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        if skipping or len(line) > limit:
            raise LineTooLong
        return line

    async def _line_end(self, limit: int) -> tuple[int, bool]:
        """Read until there is a line; return its end and whether its beginning was thrown away."""
        skipped = 0
        while True:
            if len(self._buffer) > limit:
                skipped += len(self._buffer)
                self._buffer.clear()
            if skipped > MAX_SKIPPED:
                raise ConnectionLost
            searched = len(self._buffer)
            await self._fill()
            if (end := self._buffer.find(b"\n", searched)) >= 0:
                return end, skipped > 0

    def end_with(self, other: LineStream) -> None:
        """Have reading here raise OtherSideLost as soon as *other* is lost.

        Both connections of a dialogue live and end together, but not before what came from the
        other side is written here (KOM-LE-A_2016, 2017, 2038, 2039).
        """
        self._other_lost = other.lost

    def text(self) -> DotText:
        """Begin to read a dot-terminated text; nothing else may be read before it is done."""
        return DotText(self)

    async def take(self, joint: bytes) -> tuple[bytes, bool]:
        """Return what is here, up to the end of a dot-terminated text, and whether that is it.

        *joint* are the bytes before it, in which the terminator may begin.
        """
        if not self._buffer:
            async with asyncio.timeout(self._seconds):
                await self._fill()
        joined = joint + self._buffer
        end = joined.find(DOT_END)
        size = len(self._buffer) if end < 0 else end + len(DOT_END) - len(joint)
        chunk = bytes(self._buffer[:size])
        del self._buffer[:size]
        return chunk, end >= 0

    async def write(self, content: bytes) -> None:
        """Send *content*, piece by piece: others have their turn, and no copy of all is made.

        Raises ConnectionLost or TimeoutError.
        """
        view = memoryview(content)
        for begin in range(0, len(content), PIECE):
            await self._write(view[begin : begin + PIECE] if len(content) > PIECE else content)

    async def _write(self, content: bytes | memoryview) -> None:
        try:
            self._writer.write(content)
            async with asyncio.timeout(self._seconds):
                await self._writer.drain()
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise ConnectionLost from error

    async def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Close the connection; what was written is sent if the other side reads it in time."""
        self._writer.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.lost), seconds)
        if not self.lost.done():
            self._writer.transport.abort()
            self.lost.cancel()

    async def _fill(self) -> None:
        try:
            chunk = await self._read()
        except OSError as error:
            if isinstance(error, (TimeoutError, OtherSideLost)):
                raise
            raise ConnectionLost from error
        if not chunk:
            raise ConnectionLost
        self._buffer += chunk

    async def _read(self) -> bytes:
        if self._other_lost is None:
            return await self._reader.read(CHUNK)
        if self._other_lost.done():
            raise OtherSideLost
        # An exception set at the reader would interrupt writing, too.
        reading = asyncio.ensure_future(self._reader.read(CHUNK))
        try:
            await asyncio.wait((reading, self._other_lost), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                raise OtherSideLost
            return reading.result()
        finally:
            if reading.cancel():
                await asyncio.wait((reading,))


class DotText:
    """A dot-terminated text that is being read, as it comes: stuffed, terminator included.

    Only CRLF.CRLF ends it (a bare LF never does). ``done`` says that the terminator was read.
    """

    def __init__(self, stream: LineStream) -> None:
        self._stream = stream
        self._joint = b"\r\n"  # the text begins at the beginning of a line
        self.done = False

    async def chunk(self) -> bytes:
        """Return the next bytes. Raises ConnectionLost or TimeoutError."""
        chunk, self.done = await self._stream.take(self._joint)
        self._joint = (self._joint + chunk)[-(len(DOT_END) - 1) :]
        return chunk

    async def rest(self, limit: int, began: bytes = b"") -> bytes:
        """Return the whole text, of which *began* was read already.

        Raises TextTooLong, ConnectionLost, TimeoutError.
        """
        chunks = [began]
        size = len(began)
        while not self.done:
            chunk = await self.chunk()
            size += len(chunk)
            if size > limit:
                chunks.clear()
            else:
                chunks.append(chunk)
        if size > limit:
            raise TextTooLong
        return b"".join(chunks)


async def _closed(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        await writer.wait_closed()


def unstuff(text: bytes) -> bytes:
    """Return the message inside a dot-terminated *text* (RFC 5321, 4.5.2; RFC 1939, 3)."""
    content = text[:-3]  # the terminating line; what is left ends in CRLF or is empty
    if content.startswith(b"."):
        content = content[1:]
    return content.replace(b"\r\n.", b"\r\n")


class Unstuffing:
    """Takes the message out of a dot-terminated text that comes in pieces, as ``unstuff`` does."""

    def __init__(self) -> None:
        self._held = b"\r\n"  # the text begins at the beginning of a line
        self._at_start = True

    def update(self, text: bytes) -> bytes:
        """Return what the next piece of the text adds to the message.

        What may be the beginning of the terminator is held back.
        """
        joined = self._held + text
        held = next(n for n in range(len(DOT_END), -1, -1) if joined.endswith(DOT_END[:n]))
        ready, self._held = joined[: len(joined) - held], joined[len(joined) - held :]
        content = ready.replace(b"\r\n.", b"\r\n")
        if self._at_start and ready:
            self._at_start = False
            return content[2:]
        return content

    def finish(self) -> bytes:
        """Return what was held back, without the terminator."""
        end = self._held.removesuffix(b".\r\n").replace(b"\r\n.", b"\r\n")
        return end[2:] if self._at_start else end


def stuff(message: bytes) -> bytes:
    """Return *message* as dot-terminated text."""
    if message.startswith(b"."):
        message = b"." + message
    message = message.replace(b"\r\n.", b"\r\n..")
    return message + (b".\r\n" if message.endswith(b"\r\n") else DOT_END)


class Stuffing:
    """Makes a message that comes piece by piece a dot-terminated text; every line ends in CRLF.

    A bare LF becomes CRLF: who takes it for a line end would else see another text than who does
    not, perhaps its terminator.
    """

    def __init__(self) -> None:
        self._held = b""
        self._at_line_start = True

    def update(self, piece: bytes) -> bytes:
        """Return what the next *piece* of the message looks like."""
        content = self._held + piece
        self._held = content[-1:] if content.endswith(b"\r") else b""
        content = content.removesuffix(b"\r")
        if not content:
            return b""
        if content.count(b"\n") != content.count(b"\r\n"):
            content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        front = b"." if self._at_line_start and content.startswith(b".") else b""
        self._at_line_start = content.endswith(b"\r\n")
        if b"." in content:  # in base64 there is none, and looking for one byte costs nothing
            content = content.replace(b"\r\n.", b"\r\n..")
        return front + content

    def finish(self) -> bytes:
        """Return what stands behind the message."""
        if self._at_line_start and not self._held:
            return b".\r\n"
        return self._held + DOT_END
