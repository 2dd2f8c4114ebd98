"""A listening gateway: connections of client systems, each a dialogue of its own."""

from __future__ import annotations

import asyncio
import ssl
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress

from simulators.process.faults import delay

from .installation import Installation
from .lines import CLOSE_SECONDS, ConnectionLost, LineStream

Dialogue = Callable[[LineStream], Awaitable[None]]
READ_AHEAD = 256 << 10
HANDSHAKE_SECONDS = 15.0
FAREWELL_SECONDS = 5.0


class Gateway:
    """Accepts connections on one listener and runs *dialogue* for each (KOM-LE-A_2094).

    More than ``max_connections`` are answered with *busy* and closed.
    """

    def __init__(
        self, installation: Installation, *, listener: str, dialogue: Dialogue, busy: bytes
    ) -> None:
        self._installation = installation
        self._listener = listener
        self._dialogue = dialogue
        self._busy = busy
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, context: ssl.SSLContext | None, *, seconds: float) -> None:
        """Listen; with *context* TLS from the first byte. *seconds* bound reads and writes."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._accept(LineStream(reader, writer, seconds=seconds))

        self._server = await asyncio.start_server(
            accept,
            sock=self._installation.process.socket(self._listener),
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if context else None,
            limit=READ_AHEAD,
        )

    async def stop(self) -> None:
        """Stop listening and end every dialogue."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, client: LineStream) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        farewell = FAREWELL_SECONDS
        try:
            await self._talk(client)
        except asyncio.CancelledError:
            farewell = CLOSE_SECONDS  # the process is being stopped
        except Exception as error:  # a bug of ours ends this dialogue, and no other
            self._installation.operation().error(where(error))
        try:
            await client.close(farewell)
        except asyncio.CancelledError:
            await client.close(CLOSE_SECONDS)
        finally:
            self._tasks.discard(task)

    async def _talk(self, client: LineStream) -> None:
        if len(self._tasks) > self._installation.settings.max_connections:
            await client.write(self._busy)
            return
        # A client system that is gone cannot be told anything.
        with suppress(ConnectionError, TimeoutError):
            await self._dialogue(client)


async def fault(installation: Installation, operation: str) -> None:
    """Carry out the fault that is due at *operation* (``SMTP.MAIL``, ``POP3.RETR``).

    Raises ConnectionLost for a drop: both connections are closed without an answer.
    """
    effect = await delay(installation.process.faults.pick(operation))
    if effect is not None:
        raise ConnectionLost


def where(error: BaseException) -> str:
    """Return kind and place of an unexpected error; its text may hold personal data."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places}"
