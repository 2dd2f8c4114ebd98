"""The directory as a process: its listeners, its control routes, its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from simulators.process.ldap.server import LdapServer
from simulators.process.role import Process, Role
from simulators.process.tls import server_context

from .control import VzdControl
from .entry_file import read_entries
from .faults import RESULT
from .index import Directory
from .ldap_server import VzdService
from .settings import VzdSettings


@asynccontextmanager
async def serve(process: Process[VzdSettings]) -> AsyncIterator[None]:
    """Serve LDAPS and the control routes while the block runs."""
    settings = process.settings

    def load() -> Directory:
        now = process.clock.now()
        return Directory(read_entries(settings.entries, base=settings.base, now=now))

    service = VzdService(process, load())
    VzdControl(process, service, load)
    server = LdapServer(
        service,
        tls=server_context(settings.tls),
        idle_seconds=settings.idle_seconds,
        log=process.log,
    )
    await server.start(process.socket("ldap"))
    try:
        yield
    finally:
        await server.stop()


ROLE = Role(name="vzd", settings=VzdSettings, serve=serve, effects=frozenset({RESULT}))
