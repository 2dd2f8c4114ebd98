"""The carrier: LDAP messages over an asyncio transport, cut out, bounded, with backpressure."""

from __future__ import annotations

import asyncio
from typing import cast

from .ber import BerError, message_end

CLIENT_MESSAGE_LIMIT = 16 << 20
SERVER_MESSAGE_LIMIT = 1 << 20
MAX_HELD = 1 << 15


class Carrier(asyncio.Protocol):
    """One connection, whichever side; subclasses say what a message means.

    ``last_message`` is the loop's time of the last whole message from the peer, ``more_to_read``
    tells while a message is looked at that another came with it.
    """

    def __init__(self, message_limit: int) -> None:
        self._message_limit = message_limit
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._needed = 0
        self._deaf = False
        self.more_to_read = False
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.last_message = self._loop.time()

    def message_received(self, data: bytes) -> None:
        """One whole message came. May raise BerError, which ends in ``malformed``."""
        raise NotImplementedError

    def malformed(self, error: BerError) -> None:
        """The peer sent what is no LDAP; nothing more is read from it."""
        raise NotImplementedError

    def closed(self) -> None:
        """The connection is gone."""
        raise NotImplementedError

    @property
    def open(self) -> bool:
        """Whether anything can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def full(self) -> bool:
        """Whether the peer takes nothing at present: ``writable`` waits for it."""
        return not self._writable.is_set()

    @property
    def backlog(self) -> int:
        """The number of bytes that the peer has not taken yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def send(self, data: bytes) -> None:
        """Send *data* after what was held; nothing happens on a closed connection."""
        if self._held:
            self._held.append(data)
            data = b"".join(self._held)
            self._held.clear()
            self._held_bytes = 0
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def hold(self, data: bytes) -> None:
        """Have *data* sent with what follows: a write costs more than the rest of a search."""
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > MAX_HELD:
            self.flush()

    def flush(self) -> None:
        """Send what is held."""
        if self._held:
            self.send(b"")

    async def writable(self) -> None:
        """Wait until the peer has taken enough of what was sent, or is gone."""
        await self._writable.wait()

    def close(self) -> None:
        """Close after what was sent has gone out."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport (asyncio)."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by duck typing

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (why is no matter)
        """Forget the transport and say so (asyncio)."""
        self._transport = None
        self._writable.set()
        self._buffer.clear()
        self.closed()

    def pause_writing(self) -> None:
        """Have ``writable`` wait (asyncio)."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Have ``writable`` go on (asyncio)."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Cut *data* into messages (asyncio)."""
        if self._deaf:
            return
        self._buffer += data
        if len(self._buffer) < self._needed:
            return
        try:
            self._cut()
        except BerError as error:
            self._deaf = True
            self._buffer.clear()
            self.malformed(error)

    def _cut(self) -> None:
        buffer, start = self._buffer, 0
        self._needed = 0
        while self.open and (end := message_end(buffer, start, self._message_limit)) is not None:
            if end > len(buffer):
                self._needed = end - start
                break
            message = bytes(buffer[start:end])
            start = end
            self.more_to_read = end < len(buffer)
            self.last_message = self._loop.time()
            self.message_received(message)
        del buffer[:start]
