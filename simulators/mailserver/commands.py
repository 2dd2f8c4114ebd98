"""Commands as they come over the wire: only CRLF ends one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class BareNewline(ConnectionResetError):
    """A command ended in LF alone; the connection is closed."""


class Commands:
    """The stream of a connection, on which no line ends in LF alone.

    Where one server takes LF for the end of a line and another does not, they disagree about
    what is a command and what is text (SMTP smuggling). What follows such a line cannot be
    trusted, so *refuse* answers it and closes the connection, and BareNewline is raised.
    """

    def __init__(self, stream: asyncio.StreamReader, refuse: Callable[[], None]) -> None:
        self._stream = stream
        self._refuse = refuse
        self.read = stream.read
        self.readexactly = stream.readexactly

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """Read up to *separator*; raises what the stream raises, and BareNewline."""
        return self._checked(await self._stream.readuntil(separator))

    async def readline(self) -> bytes:
        """Read a line, or what is left of one; raises what the stream raises, and BareNewline."""
        return self._checked(await self._stream.readline())

    def _checked(self, line: bytes) -> bytes:
        if line.endswith(b"\n") and not line.endswith(b"\r\n"):
            self._refuse()
            raise BareNewline
        return line
