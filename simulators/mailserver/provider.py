"""What the parts of one provider share, and who is at the other end of a connection."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from simulators.formats.certificates import policies
from simulators.process.faults import Effect, delay
from simulators.process.role import Process

from .accounts import Accounts
from .routing import Routing
from .settings import MailserverSettings
from .store import Store

PROVIDER_POLICIES = frozenset({"1.2.276.0.76.4.168"})
"""oid_fd_tls_c: the certificate with which a Fachdienst is a client (C.FD.TLS-C)."""
REMEMBERED_CERTIFICATES = 1024


@dataclass
class Provider:
    """One provider while it runs: what its parts share, and work that must not be cut off."""

    process: Process[MailserverSettings]
    store: Store
    accounts: Accounts
    routing: Routing
    connections: int = 0
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _certificates: dict[bytes, bool] = field(default_factory=dict)

    @property
    def settings(self) -> MailserverSettings:
        """The settings of the process."""
        return self.process.settings

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run *work* on its own: it goes on when the connection that asked for it is gone."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.process.log.error("background work failed", exc_info=task.exception())

    async def finish(self, seconds: float) -> None:
        """Wait at most *seconds* for the work that runs on its own, then cancel it."""
        tasks = list(self._tasks)
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=seconds)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def fault(self, operation: str, **facts: str | None) -> Effect | None:
        """Return the effect that is due at *operation*, after having waited for a delay."""
        return await delay(self.process.faults.pick(operation, **facts))

    def is_provider(self, transport: asyncio.BaseTransport) -> bool:
        """Tell whether the peer showed a provider's certificate (C.FD.TLS-C, KOM-LE-A_2186).

        A certificate is looked at once; few are ever seen.
        """
        connection = transport.get_extra_info("ssl_object")
        if not isinstance(connection, ssl.SSLObject):
            return False
        encoded = connection.getpeercert(binary_form=True)
        if encoded is None:
            return False
        if encoded not in self._certificates:
            if len(self._certificates) >= REMEMBERED_CERTIFICATES:
                self._certificates.clear()
            self._certificates[encoded] = _is_provider_certificate(encoded)
        return self._certificates[encoded]


def _is_provider_certificate(encoded: bytes) -> bool:
    try:
        return not PROVIDER_POLICIES.isdisjoint(policies(x509.load_der_x509_certificate(encoded)))
    except ValueError:  # the chain holds, but an extension is malformed
        return False
