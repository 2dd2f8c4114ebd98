"""A port that speaks TLS and plain HTTP: what the client begins with decides."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

FIRST_BYTE_SECONDS, ACCEPT_RETRY_SECONDS = 30.0, 1.0
_HANDSHAKE = b"\x16"


class EitherPort:
    """Serves *listening* with the protocol of *factory*, by TLS where a client begins so.

    Such is a Konnektor whose ANCL_TLS_MANDATORY is off: real ones have a port for each.
    """

    def __init__(
        self,
        listening: socket.socket,
        factory: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext,
    ) -> None:
        self._listening = listening
        self._factory = factory
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Accept connections from now on."""
        self._run(self._accept())

    async def stop(self) -> None:
        """Accept no more; connections that were handed on stay."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listening)
            except OSError:  # no file descriptors left: asyncio waits as long for some
                await asyncio.sleep(ACCEPT_RETRY_SECONDS)
                continue
            connection.setblocking(False)
            self._run(self._hand_on(connection))

    async def _hand_on(self, connection: socket.socket) -> None:
        try:
            async with asyncio.timeout(FIRST_BYTE_SECONDS):
                secure = await _first_byte(connection) == _HANDSHAKE
        except (OSError, TimeoutError):
            connection.close()
            return
        except asyncio.CancelledError:
            connection.close()
            raise
        with suppress(OSError):  # a handshake that fails: asyncio closes the connection
            await asyncio.get_running_loop().connect_accepted_socket(
                self._factory, connection, ssl=self._tls if secure else None
            )


async def _first_byte(connection: socket.socket) -> bytes:
    """Return the first byte that the client sends and leave it there; empty when it closes."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)
