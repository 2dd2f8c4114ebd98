"""How SMTP replies leave: complete, in few packets, or spoilt on purpose."""

from __future__ import annotations

import re
from typing import Any

from aiosmtpd.smtp import SMTP

from . import faults
from .faults import Reply

REPLY_LIMIT = 510  # RFC 5321 4.5.3.1.5, without CRLF
ABORT_SECONDS = 5.0
UNPRINTABLE = re.compile(r"[^ -~]")


class Replies(SMTP):
    """The part of a connection that sends."""

    transport: Any
    _ending: str | None = None
    """What a fault does to the next reply."""
    _waiting = b""
    """Replies that leave with the next one."""

    async def push(self, status: str | bytes) -> None:
        """Send a reply, completed by an enhanced status code where the library gives none."""
        line = status.decode() if isinstance(status, bytes) else status
        if not line.startswith(("220", "334", "354")):
            line = faults.with_status(line)
        line = UNPRINTABLE.sub("?", line)[:REPLY_LIMIT]  # the library echoes what clients send
        await self._send(f"{line}\r\n")

    async def _send(self, text: str) -> None:
        """Send a reply, or what a fault leaves of it."""
        ending, self._ending = self._ending, None
        data = self._take_waiting() + text.encode("ascii")
        if ending == faults.LOST:
            self.transport.abort()
            raise ConnectionResetError("no answer on purpose")
        self._writer.write(data[: len(data) // 2] if ending == faults.TRUNCATE else data)
        await self._writer.drain()
        if ending is not None:
            self.transport.close()
            raise ConnectionResetError("hung up on purpose")

    async def _reply(self, reply: Reply) -> None:
        await self.push(str(reply))

    async def _reply_soon(self, reply: Reply) -> None:
        """Send a reply together with those to the commands that came with it (RFC 2920 3.2)."""
        if self._ending is not None:
            await self._reply(reply)
            return
        if not self._waiting:
            self.loop.call_soon(self._flush)  # after the commands that are here already
        self._waiting += f"{UNPRINTABLE.sub('?', str(reply))[:REPLY_LIMIT]}\r\n".encode("ascii")
        await self._writer.drain()

    def _flush(self) -> None:
        waiting = self._take_waiting()
        if waiting and self.transport is not None:
            self._writer.write(waiting)

    def _take_waiting(self) -> bytes:
        waiting, self._waiting = self._waiting, b""
        return waiting

    def _timeout_cb(self) -> None:
        self._close_with(faults.TIMEOUT)

    def _close_with(self, reply: Reply) -> None:
        transport = self.transport
        if transport is not None:
            self._flush()
            transport.write(f"{reply}\r\n".encode())
            transport.close()
            self.loop.call_later(ABORT_SECONDS, transport.abort)  # who never reads, is cut
