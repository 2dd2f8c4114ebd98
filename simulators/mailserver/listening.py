"""Listeners with TLS from the first byte, and what goes wrong with a handshake on purpose."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from simulators.process.faults import DROP, Effect, delay
from simulators.process.tls import server_context

from .faults import CERTIFICATE, OF_HANDSHAKES, REFUSED
from .provider import Provider

HANDSHAKE_SECONDS = 30.0
MAX_OPENING = 200
"""Handshakes under way at a time: each holds some 300 KB before anybody has said who it is."""
SHUTDOWN_SECONDS = 2.0
NO_DESCRIPTOR_SECONDS = 0.2
"""How long to wait when the system gives no more descriptors."""
HELLO_SIZE = 1 << 14
_ALERT_HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"

Factory = Callable[[], asyncio.BaseProtocol]
Opened = Callable[[asyncio.BaseTransport], None]


class TlsListener:
    """Accepts the connections of one listener and gives them to protocols of ``factory``.

    Faults on purpose know its handshakes as ``TLS.NAME``: ``delay``, ``drop`` (closed without a
    byte), ``refused`` (an alert), ``certificate`` (``value`` names one of the settings'
    ``fault_certificates``). *opened* is told of each connection whose handshake is done.
    """

    def __init__(
        self,
        provider: Provider,
        name: str,
        factory: Factory,
        *,
        require_client: bool,
        opened: Opened | None = None,
    ) -> None:
        self._provider = provider
        self._operation = f"TLS.{name.upper()}"
        self._factory = factory
        self._opened = opened
        self._require_client = require_client
        self._socket = provider.process.socket(name)
        settings = provider.settings
        identity, client_ca = settings.tls, settings.client_ca
        self._context = server_context(identity, client_ca, require_client=require_client)
        self._others: dict[str, ssl.SSLContext] = {}
        self._opening: dict[asyncio.Task[None], None] = {}
        self._accepting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Accept connections from now on."""
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def stop(self) -> None:
        """Accept no more connections; those that are open stay."""
        if self._accepting is not None:
            self._accepting.cancel()
        for task in self._opening:
            task.cancel()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._socket)
            except OSError as error:
                self._provider.process.log.error("%s: %s", self._operation, error)
                await asyncio.sleep(NO_DESCRIPTOR_SECONDS)
                continue
            if len(self._opening) >= MAX_OPENING:
                longest = next(iter(self._opening))
                del self._opening[longest]
                longest.cancel()
            task = loop.create_task(self._open(connection))
            self._opening[task] = None
            task.add_done_callback(lambda done: self._opening.pop(done, None))
            await asyncio.sleep(0)  # a task given up before it began would not close its socket

    async def _open(self, connection: socket.socket) -> None:
        context = self._context
        try:
            faults = self._provider.process.faults
            if faults.active:
                effect = await delay(faults.pick(self._operation, OF_HANDSHAKES))
                chosen = await self._chosen(connection, effect)
                if chosen is None:
                    connection.close()
                    return
                context = chosen
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                self._factory,
                connection,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=SHUTDOWN_SECONDS,
            )
            if self._opened is not None:
                self._opened(transport)
        except (OSError, ssl.SSLError):
            connection.close()  # who does not get through the handshake, is told by TLS
        except BaseException:
            connection.close()
            raise

    async def _chosen(
        self, connection: socket.socket, effect: Effect | None
    ) -> ssl.SSLContext | None:
        """Return the TLS to go on with, None when *effect* ends the connection."""
        if effect is None:
            return self._context
        if effect.kind == CERTIFICATE:
            return self._other(effect.value or "")
        if effect.kind == REFUSED:
            await _refuse(connection)
        assert effect.kind in (REFUSED, DROP)
        return None

    def _other(self, name: str) -> ssl.SSLContext:
        """Return a context with the certificate *name* for faults, else the usual one."""
        identity = self._provider.settings.fault_certificates.get(name)
        if identity is None:
            self._provider.process.log.error("no certificate %r in fault_certificates", name)
            return self._context
        if name not in self._others:
            client_ca = self._provider.settings.client_ca
            self._others[name] = server_context(
                identity, client_ca, require_client=self._require_client
            )
        return self._others[name]


async def _refuse(connection: socket.socket) -> None:
    """Answer the ClientHello with the alert handshake_failure (RFC 8446 6.2)."""
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        async with asyncio.timeout(SHUTDOWN_SECONDS):
            if await loop.sock_recv(connection, HELLO_SIZE):
                await loop.sock_sendall(connection, _ALERT_HANDSHAKE_FAILURE)
                connection.shutdown(socket.SHUT_WR)
                while await loop.sock_recv(connection, HELLO_SIZE):
                    pass
